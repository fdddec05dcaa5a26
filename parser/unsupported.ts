import { type IToken, tokenMatcher } from 'chevrotain';
import type { Span } from './ast.ts';
import { tokenSpan } from './rules.ts';
import {
  ColumnName,
  Comma,
  FunctionName,
  K,
  LeftParen,
  OtherSymbol,
  QuotedIdentifier,
  RightParen,
  StringLiteral,
} from './tokens.ts';

/** What PostgreSQL understands and we do not. */
interface Refusal {
  readonly message: string;
  readonly span: Span;
  readonly hint: string | null;
}

/**
 * Signs of SQL that we do not take. A row applies when its words stand around the token that the grammar refused.
 * `^` is the start of the statement, `…` any token, `'…'` a string, `a|b` either word; `>` before a word says that
 * this is the refused token, else it may be any of the row's. Without a feature the words themselves name it.
 */
const signs: readonly (readonly [words: string, feature?: string | undefined, hint?: string])[] = [
  // Statements.
  ['^ update|delete|merge|truncate|alter|copy|grant|revoke|vacuum|analyze|analyse|reindex|cluster|comment|refresh'],
  ['^ prepare|execute|deallocate|declare|fetch|move|close|listen|unlisten|notify|lock|call|do|discard|reset|savepoint'],
  ['^ release|checkpoint|load|import|security|reassign|use|replace|rename|upsert'],
  [
    '^ create|drop index|view|schema|database|function|procedure|sequence|type|extension|role|user|trigger|domain|policy',
  ],
  ['^ create temp|temporary|unlogged|unique|materialized|foreign|aggregate|operator|server|publication|subscription'],
  ['^ drop materialized|foreign|aggregate|operator|server|publication|subscription|owned'],
  ['^ create or replace'],
  ['^ create table … >as', 'CREATE TABLE AS', 'Create the table, then INSERT INTO it from a SELECT.'],
  ['^ create table if not exists … >as', 'CREATE TABLE AS', 'Create the table, then INSERT INTO it from a SELECT.'],
  ['^ drop table … >,', 'DROP TABLE of several tables', 'Drop them one by one.'],
  ['^ drop table if exists … >,', 'DROP TABLE of several tables', 'Drop them one by one.'],
  ['^ set local|transaction|constraints …'],
  ['^ set transaction isolation level >…', 'SET TRANSACTION'],
  ['^ set session characteristics …', 'SET SESSION CHARACTERISTICS'],
  ['^ rollback|abort >to', 'ROLLBACK TO SAVEPOINT'],
  ['^ rollback|abort transaction|work >to', 'ROLLBACK TO SAVEPOINT'],
  ['^ explain verbose'],
  ['^ explain ( verbose|costs|settings|buffers|format|wal|timing|summary|memory', 'an option of EXPLAIN'],
  ['^ explain ( analyze >…', 'an option of EXPLAIN'],
  // Queries.
  ['with ties'],
  ['with recursive', 'WITH', 'Write the query as a subquery in FROM.'],
  ['>with … as|(', 'WITH', 'Write the query as a subquery in FROM.'],
  ['union >distinct|select|values|table|(', 'UNION without ALL', 'Use UNION ALL, under SELECT DISTINCT if need be.'],
  ['>intersect', undefined, 'Use a join.'],
  ['>except', undefined, 'Use a LEFT JOIN that keeps the rows without a match.'],
  ['right join|outer', 'RIGHT JOIN', 'Swap the tables and use LEFT JOIN.'],
  ['full join|outer', 'FULL JOIN'],
  ['natural join|inner|left|right|full', 'NATURAL JOIN', 'Name the columns with USING.'],
  ['exists ( >select|with|values', 'EXISTS', 'Join with the subquery in FROM.'],
  ['in ( >select|with|values', 'a subquery in IN', 'Join with the subquery in FROM.'],
  ['any|some|all ('],
  ['( >select|with|values|table', 'a subquery in an expression', 'Join with the subquery in FROM.'],
  ['distinct on'],
  ['group by all|distinct'],
  ['grouping sets'],
  ['>into', 'SELECT INTO', 'Create the table, then INSERT INTO it from a SELECT.'],
  ['>window', 'a WINDOW clause'],
  ['>for update|share|no|key', 'a locking clause'],
  ['>lateral'],
  ['>tablesample'],
  ['limit … >,', 'LIMIT offset, count', 'Use LIMIT count OFFSET offset.'],
  ['from|join … >(', 'a function in FROM'],
  ['from|join … . … >(', 'a function in FROM'],
  ['from|join … … >(', "a list of names for a table's columns", 'Rename the columns in a subquery.'],
  ['from|join … as … >(', "a list of names for a table's columns", 'Rename the columns in a subquery.'],
  // Expressions.
  ['over (', 'a window function (OVER)'],
  ['filter (', 'FILTER', 'Use an aggregate over CASE WHEN … THEN … END.'],
  ['within group ('],
  ['array ['],
  ['array (', 'ARRAY'],
  ['>[', 'an array'],
  ["escape >'…'", 'ESCAPE'],
  ["escape '…'", 'ESCAPE'],
  ['similar to', undefined, 'Use LIKE.'],
  ['not similar', 'SIMILAR TO', 'Use LIKE.'],
  ['>collate'],
  ['at time zone'],
  ['at local', 'AT LOCAL'],
  ['>overlaps'],
  ['>placing', 'OVERLAY'],
  ['between symmetric|asymmetric …', 'BETWEEN SYMMETRIC'],
  ['>=>|:=', 'a named argument'],
  ['>.', 'a name of more than two parts'],
  // Tables and INSERT.
  ['on conflict', undefined, 'A row replaces the row that has the same primary key.'],
  ['>returning'],
  ['>default'],
  ['>unique|references|check|constraint|foreign', 'a constraint other than PRIMARY KEY and NOT NULL'],
  ['>generated', 'a generated column'],
  ['partition by range|list', undefined, 'Use PARTITION BY HASH.'],
];

/** The signs, split once. */
const rows = signs.map(([words, feature, hint]) => {
  const anchored = words.startsWith('^ ');
  const elements = words.slice(anchored ? 2 : 0).split(' ');
  const refusedAt = elements.findIndex((element) => element.startsWith('>') && element.length > 1);
  const choices = elements.map((element, i) => (i === refusedAt ? element.slice(1) : element).split('|'));
  return { anchored, refusedAt, choices, feature, hint: hint ?? null };
});

/** The operator that is meant by one that SQL does not have, or a way around it. */
const symbolHints: Readonly<Record<string, string>> = {
  '==': 'Use =.',
  '&&': 'Use AND.',
  '!': 'Use NOT.',
  '?': 'Write parameters as $1, $2.',
  ':': 'Write parameters as $1, $2.',
  '`': 'Put names in double quotes.',
  '~': 'Use LIKE.',
  '~*': 'Use ILIKE.',
};

/** @param index of the token that the grammar refused */
export function findUnsupported(tokens: readonly IToken[], index: number): Refusal | null {
  const refused = tokens[index];
  if (refused === undefined) return null;
  for (const { anchored, refusedAt, choices, feature, hint } of rows) {
    const starts = refusedAt < 0 ? choices.map((_, i) => index - i) : [index - refusedAt];
    const start = starts.find((at) => (anchored ? at === 0 : at >= 0) && matches(tokens, at, choices));
    if (start === undefined) continue;
    const matched = tokens.slice(start, start + choices.length);
    const named = matched.filter((token, i) => choices[i]?.[0] !== '…' && /^\w/.test(token.image));
    const name = feature ?? named.map((token) => token.image.toUpperCase()).join(' ');
    const [first] = matched;
    return { message: `${name} is not supported yet`, span: tokenSpan(first ?? refused), hint };
  }
  return findInParentheses(tokens, index, refused) ?? findSymbol(refused);
}

function matches(tokens: readonly IToken[], start: number, choices: readonly (readonly string[])[]): boolean {
  return choices.every((words, i) => {
    const token = tokens[start + i];
    return token !== undefined && (words[0] === '…' || words.includes(wordOf(token)));
  });
}

function wordOf(token: IToken): string {
  if (token.tokenType === StringLiteral) return "'…'";
  return token.tokenType === QuotedIdentifier ? '"…"' : token.image.toLowerCase();
}

/** `(a, b)` is a row; `f(x ORDER BY y)` an ordered aggregate. */
function findInParentheses(tokens: readonly IToken[], index: number, refused: IToken): Refusal | null {
  if (refused.tokenType !== Comma && refused.tokenType !== K.ORDER) return null;
  let open = index - 1;
  for (let depth = 0; open >= 0; open -= 1) {
    const type = tokens[open]?.tokenType;
    if (type === RightParen) depth += 1;
    else if (type === LeftParen && depth === 0) break;
    else if (type === LeftParen) depth -= 1;
  }
  const opening = tokens[open];
  const before = tokens[open - 1];
  if (opening === undefined || before === undefined) return null;
  const isCall = tokenMatcher(before, FunctionName) || tokenMatcher(before, ColumnName);
  if (refused.tokenType === K.ORDER) {
    if (!isCall) return null;
    return { message: 'ORDER BY in a call is not supported yet', span: tokenSpan(refused), hint: null };
  }
  if (isCall || before.tokenType === K.CAST) return null;
  return {
    message: 'a row value is not supported yet',
    span: tokenSpan(opening),
    hint: 'Compare the columns one by one.',
  };
}

function findSymbol(refused: IToken): Refusal | null {
  if (refused.tokenType !== OtherSymbol || refused.image === ']') return null;
  const hint = symbolHints[refused.image] ?? null;
  const what = /^[:?`]$/.test(refused.image) ? '' : 'operator ';
  return { message: `${what}"${refused.image}" is not supported`, span: tokenSpan(refused), hint };
}
