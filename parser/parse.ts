import type { Statement } from './ast.ts';
import { checkDepth } from './depth.ts';
import { diagnose } from './diagnose.ts';
import { tokenize } from './lexer.ts';
import { StatementRules } from './statements.ts';

/** Built at the first statement: Chevrotain works out the grammar's look-ahead then. */
let rules: StatementRules | null = null;

/**
 * Parses statements separated by semicolons; empty ones are left out.
 *
 * @throws ParseError at the first text that is no statement
 */
export function parse(sql: string): Statement[] {
  const statements = tokenize(sql);
  rules ??= new StatementRules();
  const parsed: Statement[] = [];
  for (const { tokens, terminator } of statements) {
    const outcome = rules.run(sql, tokens);
    if (!outcome.ok) throw diagnose(rules, sql, tokens, terminator, outcome.index);
    checkDepth(sql, outcome.statement, tokens.length);
    parsed.push(outcome.statement);
  }
  return parsed;
}
