import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { batchFromRows, type Schema, types } from '../columnar/index.ts';
import { defaultGeometry, defaultReplicas, type GeometryName, geometries, replicasMax } from '../engine/index.ts';
import { countArgument, portArgument, portMax, tablesArgument } from './arguments.ts';
import { exitCode, UsageError } from './exit.ts';
import { readSecret } from './files.ts';
import { type FleetNode, LocalFleet, type WorkerLost } from './fleet.ts';
import { untilInterrupted } from './interrupt.ts';
import { noProgress, Spinner } from './output/progress.ts';
import { TablePrinter } from './output/table.ts';

/** Beyond this a machine runs out of memory or ports before the fleet is of use. */
const nodesMax = 256;
const defaultNodes = 8;
/** The first node stands where `wharf sql` looks for one. */
const defaultPort = 7400;

interface FleetFlags {
  readonly nodes: number;
  readonly workers?: number;
  readonly port: number;
  readonly pg?: number;
  readonly table?: readonly string[];
  readonly replicas: number;
  readonly geometry: GeometryName;
  readonly secretFile?: string;
  readonly hostMetrics: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  wharf fleet                                          8 nodes, the first at 127.0.0.1:${defaultPort}; then: wharf shell
  wharf fleet --nodes 4 --workers 4 --pg 5440          one process a node; psql -h 127.0.0.1 -p 5440 … 5443
  wharf fleet --table flights=flights.parquet          each node exposes its part of the rows
  wharf fleet --table logs='log-{node}.ndjson'         each node exposes its own file: log-0.ndjson, log-1.ndjson, …
  wharf fleet --json                                   one line of JSON when all nodes are ready`;

export function addFleetCommand(program: Command): void {
  program
    .command('fleet')
    .summary('run a fleet on this machine')
    .description('Runs a fleet on this machine until Ctrl-C: nodes spread over processes, each on its own port.')
    .option('--nodes <count>', 'how many nodes', countArgument(nodesMax), defaultNodes)
    .option('--workers <count>', 'processes to spread them over (default: one a core)', countArgument(nodesMax))
    .option('--port <port>', 'port of the first node, counting up; 0: any free ports', portArgument, defaultPort)
    .option('--pg <port>', 'open doors for Postgres clients, the first at this port, counting up', portArgument)
    .option(
      '--table <name=path...>',
      'expose a file, split over the nodes; {node} in the path: a file a node',
      tablesArgument,
    )
    .option(
      '--replicas <count>',
      'copies that the fleet keeps of everything',
      countArgument(replicasMax),
      defaultReplicas,
    )
    .addOption(new Option('--geometry <name>', 'how the DHT is laid out').choices(geometries).default(defaultGeometry))
    .option('--secret-file <file>', 'the secret that members and clients must know')
    .option('--no-host-metrics', 'keep the host metrics private')
    .option('--json', 'print the nodes as one line of JSON')
    .addHelpText('after', examples)
    .action(runFleet);
}

async function runFleet(flags: FleetFlags): Promise<void> {
  for (const first of [flags.port, flags.pg ?? 0]) {
    if (first + flags.nodes - 1 > portMax) throw new UsageError(`${flags.nodes} ports from ${first} up do not exist`);
  }
  const workers = Math.min(flags.nodes, flags.workers ?? availableParallelism());
  const progress = process.stderr.isTTY ? new Spinner(process.stderr, `starting ${flags.nodes} nodes`) : noProgress;
  progress.start();
  const fleet = await LocalFleet.start({
    nodes: flags.nodes,
    workers,
    port: flags.port,
    replicas: flags.replicas,
    geometry: flags.geometry,
    hostMetrics: flags.hostMetrics,
    onWorkerLost: reportLost,
    ...(flags.pg === undefined ? {} : { pg: flags.pg }),
    ...(flags.table === undefined ? {} : { tables: flags.table }),
    ...(flags.secretFile === undefined ? {} : { secret: await readSecret(flags.secretFile) }),
  }).finally(() => progress.stop());
  process.stdout.write(flags.json ? `${JSON.stringify({ nodes: fleet.nodes })}\n` : overview(fleet.nodes, workers));
  await untilInterrupted();
  await fleet.stop();
  process.exitCode = exitCode.ok;
}

function reportLost({ pid, nodes, reason }: WorkerLost): void {
  const lost = nodes.map(({ index }) => index).join(', ');
  process.stderr.write(`wharf: process ${pid} is gone, and with it node ${lost}: ${reason}\n`);
}

const overviewSchema: Schema = {
  fields: [
    { name: 'node', type: types.int4 },
    { name: 'address', type: types.text },
    { name: 'postgres', type: types.text },
    { name: 'process', type: types.int4 },
  ],
};

function overview(nodes: readonly FleetNode[], workers: number): string {
  const withPg = nodes.some(({ pgPort }) => pgPort !== null);
  const schema = withPg ? overviewSchema : { fields: overviewSchema.fields.filter(({ name }) => name !== 'postgres') };
  const rows = nodes.map(({ index, address, pgPort, pid }) => [
    index,
    address,
    ...(withPg ? [pgPort === null ? null : `127.0.0.1:${pgPort}`] : []),
    pid,
  ]);
  const table = new TablePrinter(schema, Number.POSITIVE_INFINITY);
  const lines = table.push(batchFromRows(schema, rows)) + table.flush();
  const [first] = nodes;
  const pg = first?.pgPort == null ? '' : ` · psql -h 127.0.0.1 -p ${first.pgPort}`;
  return `${lines}${nodes.length} nodes in ${workers} processes. Try: wharf shell --node ${first?.address}${pg}\nCtrl-C ends the fleet.\n`;
}
