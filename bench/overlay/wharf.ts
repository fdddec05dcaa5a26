import { ObjectStore, OverlayNode, SystemRuntime, WsTransport } from '../../overlay/index.ts';
import type { DhtPeer } from './peer.ts';

const namespace = 'bench';
const lifetimeMs = 3_600_000;
const readyPollMs = 50;

/** A node over real WebSockets. A value is stored when all its copies have it. */
export async function startWharf(join: string | null): Promise<DhtPeer> {
  const transport = await WsTransport.listen({
    host: '127.0.0.1',
    port: 0,
    cluster: 'bench',
    secret: null,
    replicas: 3,
    geometry: 'bamboo',
    log: () => undefined,
  });
  const node = new OverlayNode({ runtime: new SystemRuntime(), transport });
  const store = new ObjectStore(node);
  if (join === null) node.bootstrap();
  else await node.join([join]);
  return {
    address: transport.address,
    async ready(nodes) {
      while (node.contacts().length < nodes) await new Promise((resolve) => setTimeout(resolve, readyPollMs));
      await node.whenSettled();
    },
    put: (value) => store.putImmutable(namespace, value, lifetimeMs),
    get: async (handle) => (await store.getImmutable(namespace, handle)) !== null,
    async lookup(key) {
      await node.lookup(key.toString('hex'));
    },
    close: () => node.close(),
  };
}
