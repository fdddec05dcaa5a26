export type { Predicate, Projection } from './expression/compile.ts';
export { compileProjection } from './expression/compile.ts';
export { buildOpGraph, type OpGraphContext } from './graph.ts';
export type { MemoryBudget, Operator, Output, RunningOpGraph } from './operator.ts';
