import { columnsOf, conjunction, conjuncts, moveColumns } from './expressions.ts';
import type { Expression } from './plan.ts';

/** A join condition taken apart. Keys pair up and have equal types, as the binder cast both sides of `=`. */
export interface JoinKeys {
  /** Over the left side's columns. */
  readonly left: readonly Expression[];
  /** Over the right side's columns. */
  readonly right: readonly Expression[];
  /** What equality of keys does not say; over left columns, then right columns. */
  readonly residual: Expression | null;
}

/** Finds the equalities between an expression of the left side and one of the right. */
export function joinKeys(condition: Expression | null, leftWidth: number): JoinKeys {
  const left: Expression[] = [];
  const right: Expression[] = [];
  const residual: Expression[] = [];
  for (const conjunct of condition === null ? [] : conjuncts(condition)) {
    const pair = equality(conjunct, leftWidth);
    if (pair === null) {
      residual.push(conjunct);
      continue;
    }
    left.push(pair[0]);
    right.push(moveColumns(pair[1], (index) => index - leftWidth));
  }
  return { left, right, residual: conjunction(residual) };
}

/** The left and the right side of an equality across the join; `null` for other conditions. */
function equality(condition: Expression, leftWidth: number): readonly [Expression, Expression] | null {
  if (condition.kind !== 'call' || condition.function !== 'equal') return null;
  const [a, b] = condition.args as [Expression, Expression];
  if (reads(a, 'left', leftWidth) && reads(b, 'right', leftWidth)) return [a, b];
  return reads(b, 'left', leftWidth) && reads(a, 'right', leftWidth) ? [b, a] : null;
}

function reads(expression: Expression, side: 'left' | 'right', leftWidth: number): boolean {
  const columns = [...columnsOf(expression)];
  return columns.length > 0 && columns.every((index) => index < leftWidth === (side === 'left'));
}
