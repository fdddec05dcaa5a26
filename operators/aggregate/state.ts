import type { Column } from '../../columnar/index.ts';

/**
 * One aggregate's running state for every group, in arrays by group number. Rows come in batches, with the
 * group of each row.
 */
export interface AggregateState {
  /** How many columns its states are when they travel. */
  readonly columnCount: 1 | 2;
  /** Bytes of memory held. */
  readonly bytes: number;
  /** Makes room for groups 0..groupCount - 1; new ones have seen no row. */
  reserve(groupCount: number): void;
  /** Folds rows in: `argument` holds the aggregate's argument, `null` for count(*). */
  update(groups: Int32Array, argument: Column | null): void;
  /** Folds in states that another node made: the columns that `states` gives. */
  merge(groups: Int32Array, states: readonly Column[]): void;
  /** The states of the first `groupCount` groups, laid out as the planner's `stateSchema` says. */
  states(groupCount: number): Column[];
  /** The results of the first `groupCount` groups. @throws QueryError outOfRange */
  results(groupCount: number): Column;
}
