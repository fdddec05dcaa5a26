import { QueryError } from '../columnar/index.ts';
import { silentLog } from '../engine/index.ts';
import { type NodeSettings, type ServedNode, serveNode } from './node.ts';
import type { FleetRequest, WorkerFailure, WorkerReport } from './worker-messages.ts';

// A process of a local fleet: holds any number of its nodes and does what the fleet's process asks.

const nodes = new Map<number, ServedNode>();

function report(message: WorkerReport): void {
  process.send?.(message);
}

function failureOf(error: unknown): WorkerFailure {
  if (error instanceof QueryError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: null, message: error instanceof Error ? (error.stack ?? error.message) : String(error), hint: null };
}

async function serve(request: FleetRequest): Promise<void> {
  const { index } = request;
  switch (request.type) {
    case 'start':
      await start(index, request.settings);
      break;
    case 'ready':
      await ready(index, request.membersMin);
      break;
    case 'kill':
      await nodes.get(index)?.kill();
      nodes.delete(index);
      report({ type: 'killed', index });
  }
}

async function start(index: number, settings: NodeSettings): Promise<void> {
  try {
    const node = await serveNode(settings, silentLog);
    nodes.set(index, node);
    report({ type: 'started', index, id: node.id, address: node.address, pgPort: node.pgPort });
  } catch (error) {
    report({ type: 'failed', index, failure: failureOf(error) });
  }
}

async function ready(index: number, membersMin: number): Promise<void> {
  try {
    await nodes.get(index)?.ready(membersMin);
    report({ type: 'ready', index });
  } catch (error) {
    report({ type: 'failed', index, failure: failureOf(error) });
  }
}

process.on('message', (request: FleetRequest) => void serve(request));
// Ctrl-C in a terminal reaches every process of the fleet: the one that was asked for decides.
process.on('SIGINT', () => undefined);
// The fleet closes the channel when it stops, and the operating system does when it dies. All nodes end
// together, so there is nobody to hand data to.
process.on('disconnect', () => process.exit());
