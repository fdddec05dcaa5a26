import { type Command, Option } from 'commander';
import {
  defaultCluster,
  defaultGeometry,
  defaultListen,
  defaultReplicas,
  type GeometryName,
  geometries,
  replicasMax,
} from '../engine/index.ts';
import { isLoopback } from '../gateway/index.ts';
import {
  addressArgument,
  addressesArgument,
  countArgument,
  type HostPort,
  mib,
  pgArgument,
  storeMibMax,
  storeMibMin,
  tablesArgument,
} from './arguments.ts';
import { type Config, readConfig } from './config.ts';
import { exitCode, UsageError } from './exit.ts';
import { readSecret, readUsers, tableFiles } from './files.ts';
import { untilInterrupted } from './interrupt.ts';
import { createLog } from './log.ts';
import { type NodeSettings, serveNode } from './node.ts';

interface StartFlags {
  readonly config?: string;
  readonly listen?: string;
  readonly advertise?: string;
  readonly join?: readonly string[];
  readonly table?: readonly string[];
  readonly tables?: string;
  readonly data?: string;
  readonly cluster?: string;
  readonly replicas?: number;
  readonly geometry?: GeometryName;
  readonly label?: string;
  readonly storeMib?: number;
  readonly secretFile?: string;
  readonly pg?: HostPort;
  readonly pgUsers?: string;
  readonly hostMetrics?: boolean;
}

const examples = `
Examples:
  wharf start                                          found a fleet, on this machine only
  wharf start --listen 192.168.1.10:7400 --secret-file fleet.secret --table logs=app.ndjson
  wharf start --listen 192.168.1.11:7400 --join 192.168.1.10:7400 --secret-file fleet.secret
  wharf start --config node.json                       {"listen": "…", "join": ["…"], "table": {"logs": "app.ndjson"}}
  wharf start --data /var/lib/wharf                    what is in the DHT outlives the process
  wharf start --pg 5440                                and: psql -h 127.0.0.1 -p 5440`;

export function addStartCommand(program: Command): void {
  program
    .command('start')
    .summary('run one node')
    .description('Runs one node until Ctrl-C. It founds a fleet, or joins one through any of its members.')
    .option(
      '--listen <host:port>',
      `where other nodes and clients reach this one (default: ${defaultListen})`,
      addressArgument,
    )
    .option(
      '--advertise <host:port>',
      'the same, if it is another address than the one to listen on, as for 0.0.0.0 in a container',
      addressArgument,
    )
    .option('--join <host:port...>', 'members of the fleet to join; the first that answers serves', addressesArgument)
    .option('--table <name=path...>', 'expose a file as a table: Parquet, CSV, NDJSON, JSON or Arrow', tablesArgument)
    .option('--tables <directory>', 'expose every such file of a directory, named after the files')
    .option('--data <directory>', 'where the node keeps its state: with it a restarted node is the same, with its rows')
    .option('--cluster <name>', `nodes of other clusters are refused (default: ${defaultCluster})`)
    .option(
      '--replicas <count>',
      `copies that the fleet keeps of everything; nodes with another number are refused (default: ${defaultReplicas})`,
      countArgument(replicasMax),
    )
    .addOption(
      new Option(
        '--geometry <name>',
        `how the DHT is laid out, alike at all nodes (default: ${defaultGeometry})`,
      ).choices(geometries),
    )
    .option(
      '--store-mib <count>',
      'MiB of objects, not of rows, that the node keeps for the fleet, shared fairly among their writers (default: no limit)',
      countArgument(storeMibMax, storeMibMin),
    )
    .option('--label <name>', 'what people call this node')
    .option('--secret-file <file>', 'the secret that members and clients must know')
    .option('--pg <port>', 'open a door for Postgres clients: a port of this machine, or host:port', pgArgument)
    .option('--pg-users <file>', 'who may use that door, a line each: name:password; required beyond this machine')
    .addOption(new Option('--host-metrics', 'expose host, cpu, memory, disk, network, processes (the default)'))
    .addOption(new Option('--no-host-metrics', 'keep the host metrics private'))
    .option('--config <file>', 'read these options from a JSON file; what the command line says wins')
    .addHelpText('after', examples)
    .action(start);
}

async function start(flags: StartFlags): Promise<void> {
  const settings = await settingsOf(flags, flags.config === undefined ? {} : await readConfig(flags.config));
  const log = createLog(process.stderr);
  const node = await serveNode(settings, log);
  const interrupted = untilInterrupted();
  const { pgPort } = node;
  log.info('the node is listening', {
    address: node.address,
    id: node.id,
    ...(pgPort === null ? {} : { postgres: `${settings.pg?.host}:${pgPort}` }),
  });
  node.ready().then(
    () => log.info('the node is ready'),
    () => undefined, // It was stopped before.
  );
  await interrupted;
  log.info('leaving the fleet');
  await node.stop();
  process.exitCode = exitCode.ok;
}

/** What the flags say, else the file, else the defaults. */
export async function settingsOf(flags: StartFlags, config: Config): Promise<NodeSettings> {
  const secretFile = flags.secretFile ?? config['secret-file'];
  const usersFile = flags.pgUsers ?? config['pg-users'];
  const tables = flags.tables ?? config.tables;
  const pg = flags.pg ?? config.pg ?? null;
  const storeMib = flags.storeMib ?? config['store-mib'];
  if (pg !== null && usersFile === undefined && !isLoopback(pg.host)) {
    throw new UsageError(
      `the Postgres door on ${pg.host} would let anyone in`,
      'name the users who may come in: --pg-users FILE',
    );
  }
  return {
    listen: flags.listen ?? config.listen ?? defaultListen,
    advertise: flags.advertise ?? config.advertise ?? null,
    join: flags.join ?? config.join ?? [],
    cluster: flags.cluster ?? config.cluster ?? defaultCluster,
    replicas: flags.replicas ?? config.replicas ?? defaultReplicas,
    geometry: flags.geometry ?? config.geometry ?? defaultGeometry,
    secret: secretFile === undefined ? null : await readSecret(secretFile),
    label: flags.label ?? config.label ?? null,
    tables: [...(flags.table ?? config.table ?? []), ...(tables === undefined ? [] : await tableFiles(tables))].map(
      (spec) => ({ spec, slice: null }),
    ),
    storageBytesMax: storeMib === undefined ? null : storeMib * mib,
    data: flags.data ?? config.data ?? null,
    hostMetrics: flags.hostMetrics ?? config['host-metrics'] ?? true,
    pg,
    pgUsers: usersFile === undefined ? null : [...(await readUsers(usersFile))],
  };
}
