import type { Systeminformation } from 'systeminformation';
import { type Runtime, SystemRuntime } from '../../overlay/index.ts';
import type { TableSource } from '../table.ts';
import { type HostSamples, hostSamples, type SampleKind } from './host-samples.ts';
import { float8, type HostContext, hostTable, int4, int8, text, timestamptz } from './host-table.ts';

export interface HostTablesOptions {
  /** The real one, unless a test has another. */
  readonly runtime?: Runtime;
  /** Given as the first column, `node`, of every table: tells nodes of one machine apart. */
  readonly nodeLabel?: string;
}

/** What this machine tells of itself: `host`, `cpu`, `memory`, `disk`, `network` and `processes`. */
export function hostTables(options: HostTablesOptions = {}): TableSource[] {
  return hostTablesFrom(hostSamples, options);
}

/** As `hostTables`, of the machine that `samples` are taken from. */
export function hostTablesFrom(samples: HostSamples, { runtime, nodeLabel }: HostTablesOptions): TableSource[] {
  const context = { runtime: runtime ?? new SystemRuntime(), samples, nodeLabel: nodeLabel ?? null };
  return [host, cpu, memory, disk, network, processes].map((table) => table(context));
}

const secondMs = 1_000;

/** One row. */
function host(context: HostContext): TableSource {
  const { take, any } = taking(context);
  type Row = Awaited<ReturnType<typeof rows>>[number];
  const rows = async (wanted: ReadonlySet<string>) => [
    { basics: await take('basics'), system: any(wanted, 'distro') ? await take('system') : null },
  ];
  return hostTable<Row>(
    'host',
    context,
    [
      text('platform', ({ basics }) => basics.platform),
      text('distro', ({ system }) => system?.distro),
      text('kernel', ({ basics }) => basics.kernel),
      text('arch', ({ basics }) => basics.arch),
      text('cpu_model', ({ basics }) => basics.cpuModel),
      int4('cores', ({ basics }) => basics.cores),
      int8('memory_bytes', ({ basics }) => basics.memoryBytes),
      float8('load_1m', ({ basics }) => basics.load[0]),
      float8('load_5m', ({ basics }) => basics.load[1]),
      float8('load_15m', ({ basics }) => basics.load[2]),
      float8('uptime_seconds', ({ basics }) => basics.uptimeSeconds),
      // To the second, so that it stays the same from scan to scan.
      timestamptz('boot_time', ({ basics }) => {
        return Math.round((context.runtime.now() - basics.uptimeSeconds * secondMs) / secondMs) * secondMs;
      }),
    ],
    rows,
  );
}

/** One row a core; percentages since the sample before. */
function cpu(context: HostContext): TableSource {
  const { take, any } = taking(context);
  type Row = Awaited<ReturnType<typeof rows>>[number];
  const rows = async (wanted: ReadonlySet<string>) => {
    const speeds = any(wanted, 'speed_ghz') ? (await take('speed')).cores : [];
    // 0 GHz is how a virtual machine says that it does not know.
    return (await take('load')).cpus.map((load, core) => ({ core, load, speed: speeds[core] || null }));
  };
  return hostTable<Row>(
    'cpu',
    context,
    [
      int4('core', ({ core }) => core),
      float8('load_percent', ({ load }) => load.load),
      float8('user_percent', ({ load }) => load.loadUser),
      float8('system_percent', ({ load }) => load.loadSystem),
      float8('nice_percent', ({ load }) => load.loadNice),
      float8('irq_percent', ({ load }) => load.loadIrq),
      float8('steal_percent', ({ load }) => load.loadSteal),
      float8('idle_percent', ({ load }) => load.loadIdle),
      float8('speed_ghz', ({ speed }) => speed),
    ],
    rows,
  );
}

/** One row. */
function memory(context: HostContext): TableSource {
  const { take } = taking(context);
  return hostTable<Systeminformation.MemData>(
    'memory',
    context,
    [
      int8('total_bytes', (row) => row.total),
      int8('free_bytes', (row) => row.free),
      int8('used_bytes', (row) => row.used),
      int8('active_bytes', (row) => row.active),
      int8('available_bytes', (row) => row.available),
      int8('cached_bytes', (row) => row.cached),
      int8('swap_total_bytes', (row) => row.swaptotal),
      int8('swap_used_bytes', (row) => row.swapused),
      int8('swap_free_bytes', (row) => row.swapfree),
    ],
    async () => [await take('memory')],
  );
}

/** One row a mounted file system. */
function disk(context: HostContext): TableSource {
  const { take } = taking(context);
  return hostTable<Systeminformation.FsSizeData>(
    'disk',
    context,
    [
      text('filesystem', (row) => row.fs),
      text('mount', (row) => row.mount),
      text('type', (row) => row.type),
      int8('size_bytes', (row) => row.size),
      int8('used_bytes', (row) => row.used),
      int8('available_bytes', (row) => row.available),
      float8('used_percent', (row) => row.use),
    ],
    () => take('disks'),
  );
}

/** One row an interface; rates since the sample before, NULL at the first. */
function network(context: HostContext): TableSource {
  const { take, any } = taking(context);
  type Row = Awaited<ReturnType<typeof rows>>[number];
  const rows = async (wanted: ReadonlySet<string>) => {
    const details = any(wanted, 'ip4', 'ip6', 'mac', 'mtu') ? await take('interfaces') : [];
    return (await take('traffic')).map((traffic) => ({
      traffic,
      details: details.find(({ iface }) => iface === traffic.iface) ?? null,
    }));
  };
  return hostTable<Row>(
    'network',
    context,
    [
      text('interface', ({ traffic }) => traffic.iface),
      text('ip4', ({ details }) => details?.ip4),
      text('ip6', ({ details }) => details?.ip6),
      text('mac', ({ details }) => details?.mac),
      int4('mtu', ({ details }) => details?.mtu),
      text('state', ({ traffic }) => traffic.operstate),
      int8('rx_bytes', ({ traffic }) => traffic.rx_bytes),
      int8('tx_bytes', ({ traffic }) => traffic.tx_bytes),
      int8('rx_errors', ({ traffic }) => traffic.rx_errors),
      int8('tx_errors', ({ traffic }) => traffic.tx_errors),
      float8('rx_bytes_per_second', ({ traffic }) => traffic.rx_sec),
      float8('tx_bytes_per_second', ({ traffic }) => traffic.tx_sec),
    ],
    rows,
  );
}

/** One row a process. */
function processes(context: HostContext): TableSource {
  const { take } = taking(context);
  return hostTable<Systeminformation.ProcessesProcessData>(
    'processes',
    context,
    [
      int4('pid', (row) => row.pid),
      int4('parent_pid', (row) => row.parentPid),
      text('name', (row) => row.name),
      float8('cpu_percent', (row) => row.cpu),
      float8('memory_percent', (row) => row.mem),
      int8('memory_bytes', (row) => row.memRss * 1_024),
      text('state', (row) => row.state),
      // `2026-11-21 03:27:49` in this machine's time zone, which is how Date reads it.
      timestamptz('started', (row) => Date.parse(row.started.replace(' ', 'T'))),
      text('user_name', (row) => row.user),
      text('command', (row) => `${row.path ? `${row.path}/` : ''}${row.command} ${row.params}`.trim()),
    ],
    async () => (await take('processes')).list,
  );
}

function taking({ samples, runtime }: HostContext) {
  return {
    take: <K extends SampleKind>(kind: K) => samples.take(kind, runtime),
    any: (wanted: ReadonlySet<string>, ...columns: readonly string[]) => columns.some((column) => wanted.has(column)),
  };
}
