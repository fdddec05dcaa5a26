import type { Span, Statement } from './ast.ts';
import { ParseError } from './error.ts';

/** Deepest tree given to callers, so that they can walk it by recursion. Operators in a row nest to the left. */
export const depthMax = 500;

interface Place {
  readonly node: object;
  readonly span: Span;
  readonly depth: number;
}

/**
 * Refuses `a + a + a …` and its like before a recursive reader of the tree overflows its stack.
 *
 * @param tokenCount of the statement; a tree is never deeper than that
 * @throws ParseError at the first place that lies too deep
 */
export function checkDepth(sql: string, statement: Statement, tokenCount: number): void {
  if (tokenCount <= depthMax) return;
  const places: Place[] = [{ node: statement, span: statement.span, depth: 1 }];
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const { node, span, depth } = place;
    if (depth > depthMax) {
      const message = `the statement is too deep: more than ${depthMax} operators or joins in a row`;
      throw new ParseError(message, sql, span, {
        code: 'limit',
        hint: 'Use IN (…) or VALUES, or split the statement.',
      });
    }
    for (const [key, child] of Object.entries(node)) {
      if (key === 'span' || typeof child !== 'object' || child === null) continue;
      const inner = 'span' in child ? (child.span as Span) : span;
      // Lists, such as the rows of VALUES, add no depth of their own.
      places.push({ node: child, span: inner, depth: Array.isArray(child) ? depth : depth + 1 });
    }
  }
}
