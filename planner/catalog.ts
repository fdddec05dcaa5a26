import type { Schema } from '../columnar/index.ts';

/** What the planner knows of a table. */
export interface TableDefinition {
  /** As queries name it: `flights`, `sys.nodes`. */
  readonly name: string;
  readonly source: 'local' | 'distributed' | 'system';
  readonly schema: Schema;
  /** `null` for local and system tables. */
  readonly distributed: {
    /** Distinguishes this table from earlier ones of the same name; the start of every row's key. */
    readonly namespace: string;
    /** Positions of columns. A row with an equal primary key replaces the older one. Empty: every row is kept. */
    readonly primaryKey: readonly number[];
    /** Positions of the columns whose hash places a row on the ring; by default the primary key. */
    readonly partitionBy: readonly number[];
    readonly notNull: readonly number[];
    /** Rows vanish this long after they were last written; `null`: they stay. */
    readonly lifetimeMs: number | null;
    /** The least number of copies that was asked for; `null`: whatever the fleet keeps. */
    readonly replicas: number | null;
    /** Milliseconds since 1970 by the clock of the node that created it: no row of it is older. */
    readonly createdAtMs: number;
  } | null;
}

/** The tables a statement mentions, resolved by the engine before planning. Keys are names as queries write them. */
export type Tables = ReadonlyMap<string, TableDefinition>;
