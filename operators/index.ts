export { compilePredicate, compileProjection, type Predicate, type Projection } from './expression/compile.ts';
export { buildOpGraph, type OpGraphContext } from './graph.ts';
export { type MemoryBudget, type Operator, type Output, type RunningOpGraph, unwired } from './operator.ts';
export { Recorder } from './recorder.ts';
export { outputRowsMax } from './rows.ts';
