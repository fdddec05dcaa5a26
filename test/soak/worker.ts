import { identify, openDataDirectory } from '../../engine/data-directory.ts';
import { silentLog, WharfNode } from '../../engine/index.ts';
import { Journal, SystemRuntime, WsTransport } from '../../overlay/index.ts';
import { run } from '../support/fleet.ts';
import type { Numbered, Reply, Request } from './messages.ts';

// The process of one node under soak. It knows nothing of the soak: it does what it is asked until it is killed.

const cluster = 'soak';
const namespace = 'soak';
const lifetimeMs = 24 * 3_600_000;
const decoder = new TextDecoder();
let node: WharfNode | null = null;

async function start({ id, port, join, replicas, data }: Extract<Request, { type: 'start' }>): Promise<Reply> {
  const transport = await WsTransport.listen({
    host: '127.0.0.1',
    port,
    cluster,
    secret: null,
    replicas,
    geometry: 'bamboo',
    log: () => undefined,
  });
  const journal = new Journal(data === null ? null : await openDataDirectory(data), () => undefined);
  if (data !== null) await identify(journal, data, cluster, () => id);
  const runtime = new SystemRuntime();
  node = new WharfNode({ runtime, transport, journal, log: silentLog, id, overlay: { replicas } });
  await node.start(join);
  return { type: 'started', address: transport.address };
}

async function answer(request: Request): Promise<Reply> {
  if (request.type === 'start') return start(request);
  if (node === null) throw new Error('the node was not started');
  switch (request.type) {
    case 'ready':
      await node.ready(request.nodes);
      return { type: 'done' };
    case 'put':
      await node.store.put(namespace, request.name, '', Buffer.from(request.value), lifetimeMs);
      return { type: 'done' };
    case 'get': {
      const [item] = await node.store.get(namespace, request.name);
      return { type: 'got', value: item ? decoder.decode(item.value) : null };
    }
    case 'sql': {
      const { rows, coverage } = await run(node, request.sql);
      return {
        type: 'answer',
        rows: rows.map((row) => row.map(String)),
        doubts: coverage?.complete ? null : (coverage?.reasons ?? []),
      };
    }
  }
}

process.on('message', ({ number, content }: Numbered<Request>) => {
  void answer(content)
    .catch((error: unknown): Reply => ({ type: 'failed', reason: String(error) }))
    .then((reply) => process.send?.({ number, content: reply } satisfies Numbered<Reply>));
});
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
