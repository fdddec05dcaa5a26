import type { Operation } from './load.ts';
import type { Handle } from './peer.ts';
import type { SystemName } from './systems.ts';

// What the benchmark and its worker processes tell each other, over Node's IPC channel.

export type Command =
  | { readonly type: 'start'; readonly system: SystemName; readonly node: number; readonly join: string | null }
  | { readonly type: 'ready'; readonly node: number; readonly nodes: number }
  | { readonly type: 'load'; readonly node: number; readonly load: LoadSpec };

/** Work for one client: its node does the operation, so many at once, for so long. */
export interface LoadSpec {
  readonly operation: Operation;
  readonly inFlight: number;
  readonly durationMs: number;
  /** No two loads of a run have the same: values and choices follow from it. */
  readonly seed: number;
  /** Stored values, for gets. */
  readonly handles: readonly Handle[];
}

export interface LoadResult {
  /** One a finished operation. */
  readonly latenciesMs: Float64Array;
  readonly failures: number;
  /** From the first operation's start to the last one's end. */
  readonly elapsedMs: number;
  /** Of the values stored, for puts. */
  readonly handles: readonly Handle[];
}

export type Answer =
  | { readonly type: 'started'; readonly node: number; readonly address: string }
  | { readonly type: 'ready'; readonly node: number }
  | { readonly type: 'loaded'; readonly node: number; readonly result: LoadResult }
  | { readonly type: 'failed'; readonly node: number; readonly reason: string };
