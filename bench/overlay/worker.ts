import { runLoad } from './load.ts';
import type { Answer, Command } from './messages.ts';
import { type DhtPeer, starterOf } from './peer.ts';

// A process of a measured network: holds some of its nodes and does what the benchmark asks.

const peers = new Map<number, DhtPeer>();

async function obey(command: Command): Promise<Answer> {
  const { node } = command;
  if (command.type === 'start') {
    const start = await starterOf(command.system);
    const peer = await start(command.join);
    peers.set(node, peer);
    return { type: 'started', node, address: peer.address };
  }
  const peer = peers.get(node);
  if (peer === undefined) throw new RangeError(`node ${node} was not started here`);
  if (command.type === 'ready') {
    await peer.ready(command.nodes);
    return { type: 'ready', node };
  }
  return { type: 'loaded', node, result: await runLoad(peer, command.load) };
}

process.on('message', (command: Command) => {
  void obey(command)
    .catch((error: unknown): Answer => ({ type: 'failed', node: command.node, reason: String(error) }))
    .then((answer) => process.send?.(answer));
});
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());
