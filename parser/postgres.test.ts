import fc from 'fast-check';
import { loadModule, parseSync } from 'libpg-query';
import { beforeAll, expect, test } from 'vitest';
import type { Expr } from './index.ts';
import { ParseError, parse } from './index.ts';
import { corpus } from './test-corpus.ts';

/** PostgreSQL's own parser is the judge here. */
beforeAll(() => loadModule());

// ---- Both trees, written with every parenthesis

function ours(expr: Expr): string {
  switch (expr.kind) {
    case 'literal':
      if (expr.literal === 'string') return `'${expr.value}'`;
      if (expr.literal === 'number') return expr.text;
      if (expr.literal === 'typed') return `(${expr.type.name} '${expr.value}')`;
      return expr.literal === 'boolean' ? String(expr.value) : 'null';
    case 'column':
      return expr.relation === null ? expr.name.text : `${expr.relation.text}.${expr.name.text}`;
    case 'parameter':
      return `$${expr.index}`;
    case 'unary':
      return `(${expr.operator} ${ours(expr.operand)})`;
    case 'binary':
      return `(${ours(expr.left)} ${expr.operator} ${ours(expr.right)})`;
    case 'call':
      return `${expr.name.text}(${expr.args.map(ours).join(', ')})`;
    case 'case': {
      const branches = expr.branches.map(({ when, then }) => `when ${ours(when)} then ${ours(then)}`);
      return `(case ${expr.operand === null ? '' : ours(expr.operand)} ${branches.join(' ')} else ${expr.otherwise === null ? '' : ours(expr.otherwise)})`;
    }
    case 'cast':
      return `(${ours(expr.operand)}::${expr.type.name})`;
    case 'between':
      return `(${ours(expr.operand)} ${expr.negated ? 'not ' : ''}between ${ours(expr.low)} and ${ours(expr.high)})`;
    case 'in':
      return `(${ours(expr.operand)} ${expr.negated ? 'not ' : ''}in [${expr.list.map(ours).join(', ')}])`;
    case 'like':
      return `(${ours(expr.operand)} ${expr.negated ? 'not ' : ''}${expr.caseInsensitive ? 'ilike' : 'like'} ${ours(expr.pattern)})`;
    case 'is':
      if (expr.other !== null)
        return `(${ours(expr.operand)} is ${expr.negated ? 'not ' : ''}distinct from ${ours(expr.other)})`;
      return `(${ours(expr.operand)} is ${expr.negated ? 'not ' : ''}${expr.what})`;
  }
}

/** A node of libpg-query's JSON: one key names its type. */
interface PostgresNode {
  readonly [type: string]: PostgresFields;
}
interface PostgresFields {
  readonly kind?: string;
  readonly name?: readonly { readonly String: { readonly sval: string } }[];
  readonly lexpr?: PostgresNode;
  readonly rexpr?: PostgresNode;
  readonly boolop?: string;
  readonly args?: readonly PostgresNode[];
  readonly arg?: PostgresNode;
  readonly expr?: PostgresNode;
  readonly result?: PostgresNode;
  readonly defresult?: PostgresNode;
  readonly nulltesttype?: string;
  readonly booltesttype?: string;
  readonly typeName?: { readonly names: readonly { readonly String: { readonly sval: string } }[] };
  readonly fields?: readonly { readonly String: { readonly sval: string } }[];
  readonly funcname?: readonly { readonly String: { readonly sval: string } }[];
  readonly items?: readonly PostgresNode[];
  readonly sval?: { readonly sval?: string };
  readonly number?: number;
}

function theirs(node: PostgresNode | undefined): string {
  const [type, f] = Object.entries(node ?? {})[0] ?? [];
  if (f === undefined) return '';
  switch (type) {
    case 'ColumnRef':
      return (f.fields ?? []).map((field) => field.String.sval).join('.');
    case 'A_Const':
      return `'${f.sval?.sval ?? ''}'`;
    case 'ParamRef':
      return `$${f.number}`;
    case 'BoolExpr': {
      const [first = '', ...rest] = (f.args ?? []).map(theirs);
      if (f.boolop === 'NOT_EXPR') return `(not ${first})`;
      const operator = f.boolop === 'AND_EXPR' ? 'and' : 'or';
      return rest.reduce((left, right) => `(${left} ${operator} ${right})`, first);
    }
    case 'NullTest':
      return `(${theirs(f.arg)} is ${f.nulltesttype === 'IS_NULL' ? '' : 'not '}null)`;
    case 'BooleanTest':
      return `(${theirs(f.arg)} is ${f.booltesttype?.slice(3).toLowerCase().replace('_', ' ')})`;
    case 'TypeCast':
      return `(${theirs(f.arg)}::${f.typeName?.names.at(-1)?.String.sval})`;
    case 'FuncCall':
      return `${f.funcname?.at(-1)?.String.sval}(${(f.args ?? []).map(theirs).join(', ')})`;
    case 'CaseExpr': {
      const branches = (f.args ?? []).map(({ CaseWhen: b }) => `when ${theirs(b?.expr)} then ${theirs(b?.result)}`);
      return `(case ${theirs(f.arg)} ${branches.join(' ')} else ${theirs(f.defresult)})`;
    }
    case 'A_Expr':
      return theirOperator(f);
    default:
      throw new Error(`no rendering for ${type}`);
  }
}

function theirOperator(f: PostgresFields): string {
  const left = theirs(f.lexpr);
  const operator = f.name?.[0]?.String.sval ?? '';
  const list = f.rexpr?.List?.items?.map(theirs) ?? [];
  switch (f.kind) {
    case 'AEXPR_OP':
      return left === '' ? `(${operator} ${theirs(f.rexpr)})` : `(${left} ${operator} ${theirs(f.rexpr)})`;
    case 'AEXPR_DISTINCT':
      return `(${left} is distinct from ${theirs(f.rexpr)})`;
    case 'AEXPR_NOT_DISTINCT':
      return `(${left} is not distinct from ${theirs(f.rexpr)})`;
    case 'AEXPR_IN':
      return `(${left} ${operator === '=' ? '' : 'not '}in [${list.join(', ')}])`;
    case 'AEXPR_LIKE':
      return `(${left} ${operator === '~~' ? '' : 'not '}like ${theirs(f.rexpr)})`;
    case 'AEXPR_ILIKE':
      return `(${left} ${operator === '~~*' ? '' : 'not '}ilike ${theirs(f.rexpr)})`;
    case 'AEXPR_BETWEEN':
      return `(${left} between ${list.join(' and ')})`;
    case 'AEXPR_NOT_BETWEEN':
      return `(${left} not between ${list.join(' and ')})`;
    default:
      throw new Error(`no rendering for ${f.kind}`);
  }
}

/** `null` when the parser refuses. */
function ourTree(sql: string): string | null {
  try {
    const [statement] = parse(sql);
    if (statement?.kind !== 'select' || statement.query.body.kind !== 'select') throw new Error('not a SELECT');
    const [item] = statement.query.body.items;
    if (item?.kind !== 'item') throw new Error('not an expression');
    return ours(item.expression);
  } catch (error) {
    if (error instanceof ParseError) return null;
    throw error;
  }
}

function theirTree(sql: string): string | null {
  const [statement] = theirStatements(sql) ?? [];
  if (statement === undefined) return null;
  const select = statement.stmt as unknown as { SelectStmt: { targetList: [{ ResTarget: { val: PostgresNode } }] } };
  return theirs(select.SelectStmt.targetList[0].ResTarget.val);
}

function theirStatements(sql: string): readonly { readonly stmt?: object }[] | null {
  try {
    return parseSync(sql).stmts ?? [];
  } catch (error) {
    if (error instanceof Error && error.name === 'SqlError') return null;
    throw error;
  }
}

// ---- Precedence

const operators = [
  'and',
  'or',
  '=',
  '<>',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  '||',
  'like',
  'not like',
  'ilike',
  'not ilike',
  'is distinct from',
  'is not distinct from',
];
const postfixes = [
  'is null',
  'is not null',
  'isnull',
  'notnull',
  'is true',
  'is not true',
  'is false',
  'is not false',
  '::text',
  'in (a, b or c)',
  'not in (a)',
];
const prefixes = ['', '', '', '', '', 'not', 'not', '-', '+', '- -'];

const { expression } = fc.letrec<{ expression: string; atom: string; tail: string }>((tie) => ({
  atom: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    { weight: 12, arbitrary: fc.constantFrom('a', 'b', 'c', 't.d', "'s'", '$1') },
    { weight: 1, arbitrary: tie('expression').map((inner) => `(${inner})`) },
    { weight: 1, arbitrary: tie('expression').map((inner) => `f(${inner}, b)`) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie('expression'), tie('expression'))
        .map(([x, y]) => `case ${x} when b then ${y} else c end`),
    },
  ),
  tail: fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(fc.constantFrom(...operators), fc.constantFrom(...prefixes), tie('atom'))
        .map((words) => words.join(' ')),
    },
    { weight: 2, arbitrary: fc.constantFrom(...postfixes) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          fc.constantFrom('between', 'not between'),
          tie('atom'),
          fc.constantFrom('', '= a', '+ b', 'is distinct from c', '< d', 'or a', 'is null'),
          tie('atom'),
        )
        .map(([between, low, more, high]) => `${between} ${low} ${more} and ${high}`),
    },
  ),
  expression: fc
    .tuple(fc.constantFrom(...prefixes), tie('atom'), fc.array(tie('tail'), { maxLength: 5 }))
    .map(([prefix, atom, tails]) => [prefix, atom, ...tails].join(' ')),
}));

test('an expression is taken or refused as PostgreSQL does, and nests the same way', () => {
  let taken = 0;
  fc.assert(
    fc.property(expression, (text) => {
      const sql = `SELECT ${text}`;
      const tree = theirTree(sql);
      expect(ourTree(sql)).toBe(tree);
      if (tree !== null) taken += 1;
    }),
    { numRuns: 500 },
  );
  expect(taken).toBeGreaterThan(100);
});

// ---- Statements

test.each(corpus)('PostgreSQL and we take: %s', (sql) => {
  expect(theirStatements(sql)).toHaveLength(1);
  expect(parse(sql)).toHaveLength(1);
});

/** Refused by both; what only we refuse is in diagnose.test.ts. */
const refused = `
SELECT a b c
SELECT a,
SELECT a FROM
SELECT a < b < c
SELECT a FROM t WHERE
SELECT a FROM t LIMIT 1, 2
SELECT a FROM t GROUP a
SELECT a FROM order
SELECT a FROM t ORDER a
SELECT * FROM a JOIN b
SELECT * FROM a CROSS JOIN b ON TRUE
SELECT * FROM a JOIN b USING ()
SELECT CASE END
SELECT CAST(a)
SELECT a IN ()
SELECT EXTRACT(year, a)
SELECT f(*, a)
SELECT 123abc
SELECT 1 1
SELECT (a
SELECT a)
SELECT a::
SELECT trim()
SELECT 'a' 'b'
SELECT a FROM t x y
SELECT a limit FROM t
SELECT a AS 'x' FROM t
INSERT t VALUES (1)
INSERT INTO t () VALUES (1)
CREATE TABLE t (a)
CREATE TABLE t (a int,)
DROP TABLE
SET a
SET = 1
SHOW
BEGIN foo
foo
UNION ALL SELECT 1
`
  .trim()
  .split('\n');

test.each(refused)('neither PostgreSQL nor we take: %s', (sql) => {
  expect(theirStatements(sql)).toBeNull();
  expect(() => parse(sql)).toThrow(ParseError);
});

test.each([
  ["SELECT 'a'\n \t'b'", "'ab'"],
  ["SELECT E'a'\r\n'\\x62'", "'ab'"],
  ["SELECT 'a' 'b'", null],
  ["SELECT 'a' -- between\n 'b'", null],
  ["SELECT $$a$$\n'b'", null],
])('strings on lines that follow each other are one, as in PostgreSQL: %j', (sql, tree) => {
  expect(theirTree(sql)).toBe(tree);
  expect(ourTree(sql)).toBe(tree);
});
