import { Bench } from 'tinybench';
import type { TopLevelSpec } from 'vega-lite';
import { encode } from '../overlay/codec.ts';
import { type OverlayOptions, overlayDefaults } from '../overlay/defaults.ts';
import { Journal } from '../overlay/journal.ts';
import { between, keyAt } from '../overlay/keys.ts';
import type { Key, Region } from '../overlay/overlay.ts';
import { ItemCopies } from '../overlay/store/item-copies.ts';
import { resourceKey } from '../overlay/store/items.ts';
import { storeWrite, versionOf } from '../overlay/store/messages.ts';
import { ManualRuntime } from '../overlay/testing/manual-runtime.ts';
import { atMost, defineExperiment, type Row, someCount, type Target } from './experiments/harness/experiment.ts';

// What one node does to its copies of items, by how many it has: `npm run bench -- store`.

const namespace = 'bench';
const valueBytes = 100;
/** In more steps of time than that the items would expire. */
const iterationsMax = 50_000;
/** Items of the regions that are read, as comparisons of copies narrow them down to. */
const itemsRead = 50;
/** Caches hold less of more items; what grows with them is found out even so. */
const slowdownMax = 4;

interface Point extends Row {
  readonly operation: string;
  readonly items: number;
  readonly medianUs: number;
  readonly p99Us: number;
}

class Copies {
  readonly runtime = new ManualRuntime();
  readonly self = { id: keyAt(1n), address: 'a:1' };
  readonly options: OverlayOptions = { ...overlayDefaults };
  readonly journal = new Journal(null, () => {});
  readonly copies = new ItemCopies(this);
  readonly #items: number;
  readonly #region: Region;
  #writes = 0n;
  #gets = 0;

  constructor(items: number) {
    this.#items = items;
    for (let i = 0; i < items; i++) this.#put(i);
    this.#region = { from: keyAt(0n), to: keyAt((BigInt(itemsRead) << 160n) / BigInt(items)) };
  }

  log(): void {}

  losses(): readonly [] {
    return [];
  }

  missing(): readonly [] {
    return [];
  }

  /** Puts one that was not there; whatever is done then, it goes again. */
  withOneMore(run: () => void = () => {}): void {
    const key = this.#put(this.#items);
    run();
    this.copies.drop(between(key, key));
  }

  get(): void {
    // A stride that visits them in no order.
    this.#gets = (this.#gets + 7_919) % this.#items;
    const [resourceId, key] = nameOf(this.#gets);
    if (!this.copies.value(key, namespace, resourceId)) throw new Error(`${resourceId} is not there`);
  }

  readRegion(): void {
    let bytes = 0;
    for (const chunk of this.copies.export([this.#region])) bytes += chunk.length;
    if (bytes === 0) throw new Error('the region is empty');
  }

  digestRegion(): void {
    if (this.copies.digest(this.#region, 0).items === 0) throw new Error('the region is empty');
  }

  async expireNothing(): Promise<void> {
    await this.runtime.pass(this.options.expireEveryMs);
  }

  #put(number: number): Key {
    const [resourceId, key] = nameOf(number);
    this.#writes += 1n;
    const write = { type: 'put', namespace, resourceId, instanceId: '', expected: null, guard: null } as const;
    const said = { version: versionOf(this.#writes), secret: null, value: new Uint8Array(valueBytes) };
    this.copies.accept(key, encode(storeWrite, { ...write, ...said, lifetimeMs: this.options.lifetimeMaxMs }));
    return key;
  }
}

function nameOf(number: number): [string, Key] {
  const resourceId = `item ${number}`;
  return [resourceId, resourceKey(namespace, resourceId)];
}

const operations: Readonly<Record<string, (copies: Copies) => void | Promise<void>>> = {
  'put and drop': (copies) => copies.withOneMore(),
  get: (copies) => copies.get(),
  [`put, read a region of ${itemsRead}, drop`]: (copies) => copies.withOneMore(() => copies.readRegion()),
  'put, take the digest of a region, drop': (copies) => copies.withOneMore(() => copies.digestRegion()),
  'look for what has expired, of which there is nothing': (copies) => copies.expireNothing(),
};

export const store = defineExperiment({
  name: 'store',
  about: 'what one node does to its copies of items, with few and with many of them',
  options: {
    items: { full: [10_000, 200_000], quick: [1_000, 10_000], about: 'items of the node', ...someCount },
    iterations: { full: 5_000, quick: 500, about: 'times that each is done', ...someCount, max: iterationsMax },
  },
  async run(_context, { items: sizes, iterations }) {
    const points: Point[] = [];
    for (const items of sizes) {
      const copies = new Copies(items);
      const bench = new Bench({ time: 0, iterations, warmupTime: 0, warmupIterations: iterations / 10 });
      for (const [operation, run] of Object.entries(operations)) bench.add(operation, () => run(copies));
      await bench.run();
      for (const { name: operation, result } of bench.tasks) {
        if (result.state !== 'completed') throw new Error(`${operation}: ${result.state}`);
        points.push({ operation, items, medianUs: 1_000 * result.latency.p50, p99Us: 1_000 * result.latency.p99 });
      }
    }
    return { rows: points, targets: targetsOf(points), plot: plot(points) };
  },
});

/** What is done to a few items may hardly take longer when there are many others. */
function targetsOf(points: readonly Point[]): Target[] {
  return Object.keys(operations).flatMap((operation) => {
    const own = points.filter((point) => point.operation === operation).sort((a, b) => a.items - b.items);
    const [fewest, most] = [own[0], own.at(-1)];
    if (!fewest || !most || fewest === most) return [];
    const times = most.items / fewest.items;
    const slowdown = most.medianUs / fewest.medianUs;
    return [atMost(`times as long with ${times} times as many: ${operation}`, slowdown, slowdownMax)];
  });
}

function plot(values: readonly Point[]): TopLevelSpec {
  return {
    title: 'What one node does to its copies of items',
    data: { values: [...values] },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'items', type: 'quantitative', scale: { type: 'log' }, title: 'items of the node' },
      y: { field: 'medianUs', type: 'quantitative', scale: { type: 'log' }, title: 'microseconds, median' },
      color: { field: 'operation', type: 'nominal', title: null },
    },
  };
}
