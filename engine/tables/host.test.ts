import { describe, expect, test } from 'vitest';
import type { Runtime } from '../../overlay/index.ts';
import type { TableSource } from '../table.ts';
import { hostTables, hostTablesFrom } from './host.ts';
import { HostSamples, type Machine, machine } from './host-samples.ts';
import { columnsOf, rowsOf } from './testing.ts';

/** A clock that stands still until it is moved. */
class StillRuntime implements Runtime {
  nowMs = 1_700_000_000_000;
  readonly timers = new Set<() => void>();

  now(): number {
    return this.nowMs;
  }

  after(_delayMs: number, run: () => void) {
    this.timers.add(run);
    return { cancel: () => this.timers.delete(run) };
  }

  random(): number {
    return 0.5;
  }
}

function named(tables: readonly TableSource[], name: string): TableSource {
  const table = tables.find((candidate) => candidate.name === name);
  if (!table) throw new Error(`no table ${name}`);
  return table;
}

describe('this machine', () => {
  const tables = hostTables({ runtime: new StillRuntime(), nodeLabel: 'n1' });

  test('has every table, with node and hostname first', () => {
    expect(tables.map(({ name }) => name)).toEqual(['host', 'cpu', 'memory', 'disk', 'network', 'processes']);
    for (const table of tables) expect(columnsOf(table).slice(0, 2)).toEqual(['node text', 'hostname text']);
  });

  test('tells of itself what can be true', async () => {
    const [host = []] = await rowsOf(
      named(tables, 'host'),
      'node',
      'platform',
      'cores',
      'memory_bytes',
      'uptime_seconds',
    );
    expect(host.slice(0, 2)).toEqual(['n1', process.platform]);
    expect(host.slice(2).every((figure) => Number(figure) > 0)).toBe(true);
    const [memory = []] = await rowsOf(named(tables, 'memory'), 'total_bytes', 'used_bytes', 'free_bytes');
    expect(Number(memory[0])).toBeGreaterThan(Number(memory[1]));
    const cores = await rowsOf(named(tables, 'cpu'), 'core', 'load_percent');
    expect(cores).toHaveLength(Number(host[2]));
    for (const [, load] of cores) expect(load === null || (Number(load) >= 0 && Number(load) <= 100.5)).toBe(true);
    for (const [size, used] of await rowsOf(named(tables, 'disk'), 'size_bytes', 'used_bytes')) {
      expect(Number(size)).toBeGreaterThanOrEqual(Number(used));
    }
    for (const [name] of await rowsOf(named(tables, 'network'), 'interface')) expect(name).not.toBeNull();
    const processes = await rowsOf(named(tables, 'processes'), 'pid', 'name');
    expect(processes.map(([pid]) => pid)).toContain(process.pid);
  });
});

function counting(changes: Partial<Machine>): { readonly machine: Machine; readonly calls: Map<string, number> } {
  const calls = new Map<string, number>();
  const counted = Object.entries({ ...machine, ...changes }).map(([name, run]) => [
    name,
    () => {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return (run as () => unknown)();
    },
  ]);
  return { machine: Object.fromEntries(counted) as Machine, calls };
}

const odd: Partial<Machine> = {
  hostname: () => 'box',
  traffic: async () => [
    {
      iface: 'eth0',
      operstate: 'unknown',
      rx_bytes: -1,
      rx_dropped: 0,
      rx_errors: 0,
      tx_bytes: 7,
      tx_dropped: 0,
      tx_errors: 0,
      rx_sec: Number.NaN,
      tx_sec: null as unknown as number,
      ms: 0,
    },
  ],
  interfaces: async () => [],
};

test('what a machine does not know is NULL', async () => {
  const network = named(
    hostTablesFrom(new HostSamples({ ...machine, ...odd }), { runtime: new StillRuntime() }),
    'network',
  );
  const columns = [
    'hostname',
    'interface',
    'ip4',
    'state',
    'rx_bytes',
    'tx_bytes',
    'rx_bytes_per_second',
    'tx_bytes_per_second',
  ];
  expect(await rowsOf(network, ...columns)).toEqual([['box', 'eth0', null, null, null, 7n, null, null]]);
});

test('scans at about the same time share a sample, and none is taken that no column needs', async () => {
  const { machine: source, calls } = counting(odd);
  const samples = new HostSamples(source);
  const runtime = new StillRuntime();
  const fleet = Array.from({ length: 8 }, (_, i) =>
    named(hostTablesFrom(samples, { runtime, nodeLabel: `n${i}` }), 'network'),
  );
  await Promise.all(fleet.map((table) => rowsOf(table, 'interface')));
  runtime.nowMs += 200;
  await Promise.all(fleet.map((table) => rowsOf(table, 'rx_bytes')));
  expect(calls.get('traffic')).toBe(1);
  expect(calls.get('interfaces')).toBeUndefined();
  runtime.nowMs += 1;
  await rowsOf(fleet[0] as TableSource, 'ip4');
  expect(calls.get('traffic')).toBe(2);
  expect(calls.get('interfaces')).toBe(1);
});

test('a machine that fails or hangs is an error, and is asked again', async () => {
  let answer: Machine['disks'] = () => Promise.reject(new Error('df is gone'));
  const runtime = new StillRuntime();
  const disk = named(hostTablesFrom(new HostSamples({ ...machine, disks: () => answer() }), { runtime }), 'disk');
  await expect(rowsOf(disk, 'mount')).rejects.toMatchObject({
    code: 'internal',
    message: /cannot tell its disks: df is gone/,
  });
  answer = () => new Promise(() => {});
  const hanging = rowsOf(disk, 'mount');
  while (runtime.timers.size === 0) await Promise.resolve();
  for (const run of runtime.timers) run();
  await expect(hanging).rejects.toMatchObject({ code: 'deadline' });
  answer = async () => [];
  expect(await rowsOf(disk, 'mount')).toEqual([]);
  expect(runtime.timers.size).toBe(1); // the one that ran
});
