import type { Expression } from '../../planner/index.ts';

/** Positions of the columns that an expression reads. */
export function columnsUsed(expression: Expression, found = new Set<number>()): Set<number> {
  switch (expression.kind) {
    case 'column':
      found.add(expression.index);
      break;
    case 'literal':
      break;
    case 'call':
      for (const argument of expression.args) columnsUsed(argument, found);
      break;
    case 'case':
      for (const { when, then } of expression.branches) {
        columnsUsed(when, found);
        columnsUsed(then, found);
      }
      columnsUsed(expression.otherwise, found);
      break;
    case 'cast':
    case 'in':
      columnsUsed(expression.input, found);
  }
  return found;
}
