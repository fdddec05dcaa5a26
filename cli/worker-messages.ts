import type { ErrorCode } from '../columnar/index.ts';
import type { NodeSettings } from './node.ts';

// What a fleet and its worker processes tell each other over Node's IPC channel: control only, never rows.

export type FleetRequest =
  | { readonly type: 'start'; readonly index: number; readonly settings: NodeSettings }
  /** Report when the node has its data and knows so many members, itself included. */
  | { readonly type: 'ready'; readonly index: number; readonly membersMin: number }
  /** End a node as a crash would. */
  | { readonly type: 'kill'; readonly index: number };

export type WorkerReport =
  | {
      readonly type: 'started';
      readonly index: number;
      readonly id: string;
      readonly address: string;
      readonly pgPort: number | null;
    }
  | { readonly type: 'failed'; readonly index: number; readonly failure: WorkerFailure }
  | { readonly type: 'ready'; readonly index: number }
  | { readonly type: 'killed'; readonly index: number };

/** An error on its way between processes. */
export interface WorkerFailure {
  /** `null`: a bug. */
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly hint: string | null;
}
