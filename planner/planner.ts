import type { Insert, Query } from '../parser/index.ts';
import { bindInsert } from './bind-insert.ts';
import { bindQuery } from './bind-query.ts';
import type { TableDefinition, Tables } from './catalog.ts';
import type { PlanContext } from './context.ts';
import { physicalPlan } from './physical.ts';
import type { PhysicalPlan } from './plan.ts';
import { rewrite } from './rewrite.ts';

/**
 * From a query to the plan that answers it.
 * @param tables every table that `referencedTables` names
 * @throws QueryError with the position of what is wrong
 */
export function planQuery(query: Query, tables: Tables, context: PlanContext): PhysicalPlan {
  return physicalPlan(rewrite(bindQuery(query, tables, context).plan), 'hash');
}

/**
 * The plan whose answer are the rows to insert: its schema is the target's, columns not mentioned are NULL.
 * That NOT NULL holds is for whoever stores the rows to check.
 * @throws QueryError wrongObjectType when the target is not a distributed table; typeMismatch, unknownColumn, …
 */
export function planInsert(
  insert: Insert,
  target: TableDefinition,
  tables: Tables,
  context: PlanContext,
): PhysicalPlan {
  return physicalPlan(rewrite(bindInsert(insert, target, tables, context)), 'hash');
}
