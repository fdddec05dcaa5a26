// The planner's public face: from a statement's syntax tree to a plan that is plain data.

export { partialSchema } from './aggregates.ts';
export type { TableDefinition, Tables } from './catalog.ts';
export { commonType } from './coercion.ts';
export type { PlanContext } from './context.ts';
export { defineTable } from './define-table.ts';
export { decodePlan, encodePlan } from './encode.ts';
export { explainPlan } from './explain.ts';
export type { FunctionId } from './functions.ts';
export { nodesOf } from './nodes.ts';
export type {
  AggregateCall,
  AggregateFunction,
  Exchange,
  Expression,
  OpGraph,
  PhysicalPlan,
  PlanNode,
  SortKey,
  SourceNode,
} from './plan.ts';
export { planInsert, planQuery } from './planner.ts';
export { referencedTables, tableKey } from './referenced.ts';
export { planSubscription, type SubscriptionPlan } from './subscription.ts';
export { didYouMean } from './suggest.ts';
export { validatePlan } from './validate.ts';
