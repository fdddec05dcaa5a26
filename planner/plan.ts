import type { Schema, SqlType, SqlValue } from '../columnar/index.ts';
import type { FunctionId } from './functions.ts';

// A plan is plain, frozen data without closures: it is sent to every participant as it stands,
// checked there by `validatePlan`, printed by `EXPLAIN`.

export const planVersion = 1;

// ---- Expressions: bound and typed; columns are positions in the operator's input

export type Expression =
  | { readonly kind: 'column'; readonly index: number; readonly type: SqlType }
  | { readonly kind: 'literal'; readonly value: SqlValue | null; readonly type: SqlType }
  /** Arguments already have exactly the types that the function wants: the binder inserts casts. */
  | {
      readonly kind: 'call';
      readonly function: FunctionId;
      readonly args: readonly Expression[];
      readonly type: SqlType;
    }
  | {
      readonly kind: 'case';
      readonly branches: readonly { readonly when: Expression; readonly then: Expression }[];
      readonly otherwise: Expression;
      readonly type: SqlType;
    }
  | { readonly kind: 'cast'; readonly input: Expression; readonly type: SqlType }
  /** `input IN (values)`: all of the input's type, no NULL among them (the binder rewrites those). */
  | { readonly kind: 'in'; readonly input: Expression; readonly values: readonly SqlValue[]; readonly type: SqlType };

export type AggregateFunction = 'count' | 'sum' | 'avg' | 'min' | 'max';

export interface AggregateCall {
  readonly function: AggregateFunction;
  /** `null` only for `count(*)`. */
  readonly argument: Expression | null;
  readonly distinct: boolean;
  readonly type: SqlType;
}

export interface SortKey {
  readonly expression: Expression;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

// ---- Operators

export type PlanNode =
  /** Rows of a table at this node. `columns` are positions in the table's schema. */
  | {
      readonly kind: 'scan';
      readonly table: string;
      readonly source: 'local' | 'distributed' | 'system';
      /** Of a distributed table: whose rows to read, whatever the catalog calls by that name by then. */
      readonly namespace: string | null;
      /** Of a distributed table: which rows it can have, for judging what a loss of copies cost. */
      readonly retention: Retention | null;
      readonly columns: readonly number[];
      /** Over the scanned columns; a source may use it to skip, the scan applies it in any case. */
      readonly predicate: Expression | null;
      readonly schema: Schema;
    }
  /** Literal rows, produced once, at the proxy. */
  | { readonly kind: 'values'; readonly rows: readonly (readonly (SqlValue | null)[])[]; readonly schema: Schema }
  /** What an exchange delivers to this node. */
  | { readonly kind: 'receive'; readonly exchange: number; readonly schema: Schema }
  | { readonly kind: 'filter'; readonly input: PlanNode; readonly predicate: Expression; readonly schema: Schema }
  | {
      readonly kind: 'project';
      readonly input: PlanNode;
      readonly expressions: readonly Expression[];
      readonly schema: Schema;
    }
  /**
   * Symmetric hash join. Output: left columns, then right columns. Keys are columns of equal types;
   * none at all is a cross join. `residual` sees the output row. NULL keys match nothing.
   */
  | {
      readonly kind: 'join';
      readonly type: 'inner' | 'left';
      readonly left: PlanNode;
      readonly right: PlanNode;
      readonly leftKeys: readonly number[];
      readonly rightKeys: readonly number[];
      readonly residual: Expression | null;
      readonly schema: Schema;
    }
  /**
   * Grouping. `partial`: rows -> keys then state columns, `merge`: states -> states, `final`: states -> keys
   * then results. For `partial`, `keys` and the aggregates' arguments refer to the input's rows; for
   * `merge` and `final` the input is keys then states, laid out by `partialSchema`. No keys: one group;
   * `final` then gives a row even for no input (`partial` and `merge` need not).
   */
  | {
      readonly kind: 'aggregate';
      readonly mode: 'partial' | 'merge' | 'final';
      readonly input: PlanNode;
      readonly keys: readonly number[];
      readonly aggregates: readonly AggregateCall[];
      readonly schema: Schema;
    }
  /**
   * The first `limit` rows after `offset` in the order of `keys`; no keys: arrival order;
   * `limit` null: all of them, sorted.
   */
  | {
      readonly kind: 'topK';
      readonly input: PlanNode;
      readonly keys: readonly SortKey[];
      readonly limit: number | null;
      readonly offset: number;
      readonly schema: Schema;
    }
  | { readonly kind: 'union'; readonly inputs: readonly PlanNode[]; readonly schema: Schema };

/** The leaves of an opgraph: where its rows come from. */
/** No row of a table is older than the table; each vanishes `lifetimeMs` after it was written, or stays. Whole milliseconds. */
export interface Retention {
  readonly createdAtMs: number;
  readonly lifetimeMs: number | null;
}

export type SourceNode = Extract<PlanNode, { kind: 'scan' | 'values' | 'receive' }>;

// ---- Distribution

/**
 * How rows leave an opgraph.
 * `hash`: each row to the node that its key columns choose among the query's rendezvous nodes.
 * `tree`: up the dissemination tree to the proxy; at every node `merge` folds what the node produced
 *   and what its children sent (`merge` reads `receive` of this same exchange).
 * `gather`: straight to the proxy.
 */
export type Exchange = {
  readonly id: number;
  readonly schema: Schema;
  /** Rows stop flowing when this wave is over; waves count from 0. */
  readonly wave: number;
} & (
  | { readonly kind: 'hash'; readonly keys: readonly number[] }
  | { readonly kind: 'tree'; readonly merge: PlanNode }
  | { readonly kind: 'gather' }
);

/**
 * A tree of operators that runs whole at one node.
 * `sources`: at every node that the query reaches, and reads scans;
 * `rendezvous`: at the nodes hash exchanges send to; `proxy`: at the proxy alone.
 */
export interface OpGraph {
  readonly id: number;
  readonly at: 'sources' | 'rendezvous' | 'proxy';
  readonly root: PlanNode;
  /** `null` for the one opgraph whose rows are the answer. */
  readonly output: Exchange | null;
}

/**
 * Opgraphs joined by exchanges, in topological order, the answer's last.
 *
 * Execution goes in waves. In wave 0 the query spreads and every scan runs. When a wave is over on all
 * nodes, the exchanges that end with it are complete, and the next wave tells every node so: blocking
 * operators behind those exchanges flush.
 */
export interface PhysicalPlan {
  readonly version: typeof planVersion;
  readonly opgraphs: readonly OpGraph[];
  /** Number of waves, at least 1. */
  readonly waves: number;
  readonly dissemination: /** Every node: a local table, or a distributed table without a bound partition key. */
    | { readonly kind: 'all' }
    /** Only the owner of one key: all partition columns are bound by equality. */
    | { readonly kind: 'key'; readonly key: string }
    /** No table at all. */
    | { readonly kind: 'none' };
  readonly schema: Schema;
}
