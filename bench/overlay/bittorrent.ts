import { once } from 'node:events';
import { promisify } from 'node:util';
import Client from 'bittorrent-dht';
import type { DhtPeer } from './peer.ts';

/** More values than a run stores; the library's default would forget most of them. */
const maxValues = 1_000_000;

/** A node of the mainline DHT, on loopback. */
export async function startBittorrent(join: string | null): Promise<DhtPeer> {
  const dht = new Client({
    bootstrap: join === null ? false : [join],
    host: '127.0.0.1',
    maxValues,
    maxTables: maxValues,
  });
  dht.listen(0, '127.0.0.1');
  await Promise.all([once(dht, 'listening'), once(dht, 'ready')]);
  const put = promisify<{ v: Buffer }, Buffer>(dht.put.bind(dht));
  // What passes through a node stays in its cache, which would answer instead of the network.
  const options = { cache: false } as const;
  const get = promisify((hash: Buffer, done: (error: Error | null, found: { v: Buffer } | null) => void) =>
    dht.get(hash, options, done),
  );
  const lookup = promisify<Buffer, number>(dht.lookup.bind(dht));
  return {
    address: `127.0.0.1:${dht.address().port}`,
    async ready() {},
    async put(value) {
      return (await put({ v: value })).toString('hex');
    },
    async get(handle) {
      return (await get(Buffer.from(handle, 'hex'))) !== null;
    },
    async lookup(key) {
      await lookup(key);
    },
    close: () => new Promise((resolve) => dht.destroy(resolve)),
  };
}
