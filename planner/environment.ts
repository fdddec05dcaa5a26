import type { Query } from '../parser/index.ts';
import type { Bound } from './bound.ts';
import type { Tables } from './catalog.ts';
import type { PlanContext } from './context.ts';
import type { Logical } from './logical.ts';

/** What binding a query needs from outside of it. */
export interface Environment {
  readonly tables: Tables;
  readonly context: PlanContext;
  /** Binds a query nested in another. */
  readonly query: (query: Query) => BoundQuery;
}

export interface BoundQuery {
  readonly plan: Logical;
  /** An output that is one quoted literal or NULL, still free to take another type than text; else `null`. */
  readonly unknown: readonly (Bound | null)[];
}
