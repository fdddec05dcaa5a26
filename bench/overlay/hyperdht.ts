import HyperDHT from 'hyperdht';
import type { DhtPeer } from './peer.ts';

/** A node as hyperdht's own test network starts it, on loopback. */
export async function startHyperdht(join: string | null): Promise<DhtPeer> {
  const dht = new HyperDHT({
    ephemeral: false,
    firewalled: false,
    bootstrap: join === null ? [] : [join],
    host: '127.0.0.1',
    port: 0,
  });
  await dht.fullyBootstrapped();
  return {
    address: `127.0.0.1:${dht.address().port}`,
    async ready() {},
    async put(value) {
      const { hash } = await dht.immutablePut(value);
      return hash.toString('hex');
    },
    async get(handle) {
      return (await dht.immutableGet(Buffer.from(handle, 'hex'))) !== null;
    },
    async lookup(key) {
      await dht.findNode(Buffer.concat([key, Buffer.alloc(12)])).finished();
    },
    close: () => dht.destroy(),
  };
}
