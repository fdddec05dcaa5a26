import type { SqlType, SqlValue } from '../../columnar/index.ts';
import { types } from '../../columnar/index.ts';
import type { Expression, FunctionId } from '../../planner/index.ts';

// For tests: bound expressions in few words.

export const column = (index: number, type: SqlType): Expression => ({ kind: 'column', index, type });
export const literal = (type: SqlType, value: SqlValue | null): Expression => ({ kind: 'literal', value, type });
export const cast = (input: Expression, type: SqlType): Expression => ({ kind: 'cast', input, type });
export const call = (name: FunctionId, args: readonly Expression[], type: SqlType): Expression => ({
  kind: 'call',
  function: name,
  args,
  type,
});
/** A call whose result is boolean. */
export const is = (name: FunctionId, ...args: readonly Expression[]): Expression => call(name, args, types.boolean);

type Branch = Extract<Expression, { kind: 'case' }>['branches'][number];

export const branch = (when: Expression, result: Expression): Branch => ({ when, then: result });
