import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { depthMax } from './depth.ts';
import { type Expr, ParseError, parse, renderErrorAt, type Statement, sqlLengthMax } from './index.ts';
import { tokenize } from './lexer.ts';
import { nestingMax } from './rules.ts';
import { corpus, ownCorpus } from './test-corpus.ts';

/** Drops the spans, to compare what was understood. */
function withoutSpans(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutSpans);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).flatMap(([key, value]) => (key === 'span' ? [] : [[key, withoutSpans(value)]])),
  );
}

function only(sql: string): Statement {
  const [statement, ...more] = parse(sql);
  if (statement === undefined || more.length > 0) throw new Error(`not one statement: ${sql}`);
  return statement;
}

function expressionOf(text: string): Expr {
  const statement = only(`SELECT ${text}`);
  if (statement.kind !== 'select' || statement.query.body.kind !== 'select') throw new Error('not a SELECT');
  const [item] = statement.query.body.items;
  if (item?.kind !== 'item') throw new Error('not an expression');
  return item.expression;
}

const column = (text: string): unknown => ({ kind: 'column', relation: null, name: { text } });
const number = (text: string): unknown => ({ kind: 'literal', literal: 'number', text });
const string = (value: string): unknown => ({ kind: 'literal', literal: 'string', value });
const call = (text: string, ...args: unknown[]): unknown => ({
  kind: 'call',
  name: { text },
  args,
  star: false,
  distinct: false,
});
const typed = (name: string, value: string, ...args: number[]): unknown => ({
  kind: 'literal',
  literal: 'typed',
  type: { name, args },
  value,
});

describe('expressions', () => {
  test.each<[string, unknown]>([
    ['1.50', number('1.50')],
    ['1e6', number('1e6')],
    ['0xff', number('255')],
    ['1_000', number('1000')],
    ['TRUE', { kind: 'literal', literal: 'boolean', value: true }],
    ['NULL', { kind: 'literal', literal: 'null' }],
    ["'it''s'", string("it's")],
    [String.raw`E'a\tb\'c\x41\101\u00e9\U0001F600\\\q'`, string("a\tb'cAAé😀\\q")],
    [String.raw`E'\xc3\xa9\uD83D\uDE00'`, string('é😀')],
    ["$$it's$$", string("it's")],
    ['$a$ $$ $b$ $a$', string(' $$ $b$ ')],
    ["n'x'", string('x')],
    ["date '2001-01-01'", typed('date', '2001-01-01')],
    ["TIMESTAMP(3) WITH TIME ZONE 'now'", typed('timestamp with time zone', 'now', 3)],
    ["INTERVAL '2' HOUR", typed('interval', '2 hour')],
    ['$12', { kind: 'parameter', index: 12 }],
    ['Name', column('name')],
    ['"Na""me"', column('Na"me')],
    ['ÄRGER', column('Ärger')],
    ['T."X"', { kind: 'column', relation: { text: 't' }, name: { text: 'X' } }],
    ['count(*)', { kind: 'call', name: { text: 'count' }, args: [], star: true, distinct: false }],
    ['Count(DISTINCT a)', { kind: 'call', name: { text: 'count' }, args: [column('a')], star: false, distinct: true }],
    ['now()', call('now')],
    ['pg_catalog.version()', call('version')],
    ['CURRENT_DATE', call('current_date')],
    ['LEFT(a, 2)', call('left', column('a'), number('2'))],
    ['EXTRACT(Year FROM a)', call('extract', string('year'), column('a'))],
    ['SUBSTRING(a FROM 2 FOR 3)', call('substring', column('a'), number('2'), number('3'))],
    ['SUBSTRING(a FOR 3)', call('substring', column('a'), number('1'), number('3'))],
    ['SUBSTRING(a FOR 3 FROM 2)', call('substring', column('a'), number('2'), number('3'))],
    ['POSITION(a IN b)', call('position', column('b'), column('a'))],
    ['TRIM(a)', call('btrim', column('a'))],
    ["TRIM(LEADING 'x' FROM a)", call('ltrim', column('a'), string('x'))],
    ['TRIM(TRAILING FROM a)', call('rtrim', column('a'))],
    ['a::Double Precision', { kind: 'cast', operand: column('a'), type: { name: 'double precision', args: [] } }],
    ['CAST(a AS numeric(10, 2))', { kind: 'cast', operand: column('a'), type: { name: 'numeric', args: [10, 2] } }],
    ['a::pg_catalog.int4', { kind: 'cast', operand: column('a'), type: { name: 'int4', args: [] } }],
    [
      'a IS NOT DISTINCT FROM b',
      { kind: 'is', operand: column('a'), what: 'distinct', other: column('b'), negated: true },
    ],
    ['a IS UNKNOWN', { kind: 'is', operand: column('a'), what: 'null', other: null, negated: false }],
    ['a != b', { kind: 'binary', operator: '<>', left: column('a'), right: column('b') }],
  ])('%s', (text, expected) => {
    expect(withoutSpans(expressionOf(text))).toEqual(expected);
  });

  test('words that PostgreSQL does not reserve are names', () => {
    for (const word of [
      'name',
      'date',
      'time',
      'key',
      'value',
      'type',
      'day',
      'host',
      'every',
      'lifetime',
      'text',
      'first',
      'last',
      'show',
      'set',
      'query',
      'tables',
      'interval',
      'values',
      'position',
      'user',
    ]) {
      expect(withoutSpans(expressionOf(word))).toEqual(column(word));
      expect(() => parse(`SELECT t.${word} AS ${word} FROM ${word} ${word} ORDER BY ${word}`)).not.toThrow();
      expect(() =>
        parse(`CREATE TABLE ${word} (${word} ${word === 'values' || word === 'position' ? 'int' : word})`),
      ).not.toThrow();
    }
  });
});

describe('statements', () => {
  const t = { schema: null, name: 't' };

  test.each<[string, unknown]>([
    ['DROP TABLE IF EXISTS t', { kind: 'dropTable', table: t, ifExists: true }],
    ['SHOW TABLES', { kind: 'showTables' }],
    ['SHOW Wharf.Coverage', { kind: 'show', name: 'wharf.coverage' }],
    ['SHOW TRANSACTION ISOLATION LEVEL', { kind: 'show', name: 'transaction_isolation' }],
    ['DESC sys.nodes', { kind: 'describe', table: { schema: 'sys', name: 'nodes' } }],
    ['SET coverage = Strict', { kind: 'set', name: 'coverage', value: 'strict' }],
    ["SET a.b TO 'As It Is'", { kind: 'set', name: 'a.b', value: 'As It Is' }],
    ['SET n = -1.50', { kind: 'set', name: 'n', value: '-1.50' }],
    ['SET search_path TO a, b', { kind: 'set', name: 'search_path', value: 'a, b' }],
    ["SET TIME ZONE 'UTC'", { kind: 'set', name: 'timezone', value: 'UTC' }],
    ["CANCEL QUERY 'q1'", { kind: 'cancel', query: 'q1' }],
    ['BEGIN', { kind: 'transaction', action: 'begin' }],
    ['END', { kind: 'transaction', action: 'commit' }],
    ['ABORT', { kind: 'transaction', action: 'rollback' }],
  ])('%s', (sql, expected) => {
    expect(withoutSpans(only(sql))).toEqual(expected);
  });

  test('CREATE TABLE', () => {
    const sql =
      "CREATE TABLE IF NOT EXISTS s.t (a int, b text NOT NULL, PRIMARY KEY (a)) PARTITION BY HASH (a) WITH (lifetime = '1 hour', replicas = 3)";
    expect(withoutSpans(only(sql))).toEqual({
      kind: 'createTable',
      table: { schema: 's', name: 't' },
      ifNotExists: true,
      columns: [
        { name: { text: 'a' }, type: { name: 'int', args: [] }, notNull: true },
        { name: { text: 'b' }, type: { name: 'text', args: [] }, notNull: true },
      ],
      primaryKey: [{ text: 'a' }],
      partitionBy: [{ text: 'a' }],
      options: [
        { name: 'lifetime', value: '1 hour' },
        { name: 'replicas', value: '3' },
      ],
    });
  });

  test('SUBSCRIBE', () => {
    const sql = "SUBSCRIBE (SELECT 1) EVERY '1 second' FOR INTERVAL '1 minute'";
    const statement = only(sql);
    if (statement.kind !== 'subscribe') throw new Error('not a SUBSCRIBE');
    expect(statement.every).toEqual({ text: '1 second', span: { start: 27, end: 37 } });
    expect(statement.duration?.text).toBe('1 minute');
    expect(statement.query.body.kind).toBe('select');
  });

  test('a query: joins to the left, ORDER BY, slice', () => {
    const statement = only(
      'SELECT DISTINCT x.* FROM a, b x LEFT JOIN (SELECT 1) s (y) USING (y) ORDER BY 1 DESC NULLS LAST LIMIT 5 OFFSET 2 ROWS',
    );
    expect(withoutSpans(statement)).toEqual({
      kind: 'select',
      query: {
        kind: 'query',
        body: {
          kind: 'select',
          distinct: true,
          items: [{ kind: 'star', relation: { text: 'x' } }],
          from: {
            kind: 'join',
            type: 'cross',
            left: { kind: 'table', table: { schema: null, name: 'a' }, alias: null },
            right: {
              kind: 'join',
              type: 'left',
              left: { kind: 'table', table: { schema: null, name: 'b' }, alias: { text: 'x' } },
              right: { kind: 'subquery', query: expect.anything(), alias: { text: 's' }, columns: [{ text: 'y' }] },
              on: null,
              using: [{ text: 'y' }],
            },
            on: null,
            using: [],
          },
          where: null,
          groupBy: [],
          having: null,
        },
        orderBy: [{ expression: number('1'), descending: true, nullsFirst: false }],
        limit: number('5'),
        offset: number('2'),
      },
    });
  });

  test('UNION ALL is one list; parentheses without ORDER BY or LIMIT leave no trace', () => {
    const kinds = (sql: string): unknown => {
      const statement = only(sql);
      if (statement.kind !== 'select' || statement.query.body.kind !== 'unionAll') throw new Error('not a union');
      return statement.query.body.inputs.map((input) => input.kind);
    };
    expect(kinds('SELECT 1 UNION ALL VALUES (2) UNION ALL TABLE t')).toEqual(['select', 'values', 'select']);
    expect(kinds('(SELECT 1) UNION ALL (SELECT 2 LIMIT 1) UNION ALL (SELECT 3 UNION ALL SELECT 4)')).toEqual([
      'select',
      'query',
      'unionAll',
    ]);
  });

  test('several statements, empty ones left out, spans in the whole text', () => {
    const sql = ' ;SELECT 1;; -- none\n SHOW TABLES ;';
    expect(parse(sql).map(({ kind, span }) => [kind, sql.slice(span.start, span.end)])).toEqual([
      ['select', 'SELECT 1'],
      ['showTables', 'SHOW TABLES'],
    ]);
    expect(parse('')).toEqual([]);
    expect(parse('/* nothing */ ; ')).toEqual([]);
  });

  test.each(ownCorpus)('taken: %s', (sql) => {
    expect(parse(sql)).toHaveLength(1);
  });
});

describe('spans', () => {
  /** Every node below `node`, with the span of the node around it. */
  function* nodes(
    node: object,
    around: { start: number; end: number },
  ): Generator<{ node: object; span: { start: number; end: number }; around: { start: number; end: number } }> {
    const span = 'span' in node ? (node.span as { start: number; end: number }) : around;
    if ('span' in node) yield { node, span, around };
    for (const [key, child] of Object.entries(node)) {
      if (key !== 'span' && typeof child === 'object' && child !== null) yield* nodes(child as object, span);
    }
  }

  test.each([...corpus, ...ownCorpus])('nest, begin and end at words, and hold what was parsed: %s', (sql) => {
    const padded = `  ${sql}  `;
    const statement = only(padded);
    expect(statement.span).toEqual({ start: 2, end: 2 + sql.replace(/ -- .*/, '').length });
    const kinds = new Set([
      'literal',
      'column',
      'unary',
      'binary',
      'call',
      'case',
      'cast',
      'between',
      'in',
      'like',
      'is',
      'parameter',
    ]);
    for (const { node, span, around } of nodes(statement, statement.span)) {
      const text = padded.slice(span.start, span.end);
      expect(span.start).toBeGreaterThanOrEqual(around.start);
      expect(span.end).toBeLessThanOrEqual(around.end);
      expect(text).toBe(text.trim());
      if (!('kind' in node) || !kinds.has(String(node.kind)) || /FOR \d|FETCH/.test(sql)) continue;
      // EXTRACT's field is a string in the tree and a word in the text.
      if (/^(year|'epoch')$/.test(text)) continue;
      expect(withoutSpans(expressionOf(text))).toEqual(withoutSpans(node));
    }
  });

  test('parentheses belong to what is around an expression', () => {
    const expr = expressionOf('(a + b) * c');
    if (expr.kind !== 'binary') throw new Error('not binary');
    expect(expr.span).toEqual({ start: 7, end: 18 });
    expect(expr.left.span).toEqual({ start: 8, end: 13 });
  });
});

describe('limits', () => {
  const failure = (sql: string): ParseError => {
    try {
      parse(sql);
    } catch (error) {
      if (error instanceof ParseError) return error;
      throw error;
    }
    throw new Error('taken');
  };

  test('text', () => {
    expect(parse(`SELECT '${'x'.repeat(sqlLengthMax - 9)}'`)).toHaveLength(1);
    expect(failure(`SELECT '${'x'.repeat(sqlLengthMax - 8)}'`).code).toBe('limit');
  });

  test.each<[string, (levels: number) => string]>([
    ['parentheses', (n) => `SELECT ${'('.repeat(n)}1${')'.repeat(n)}`],
    [
      'operators and parentheses',
      (n) => `SELECT ${'a OR a AND NOT a = a || a + a * a ^ - ('.repeat(n)}1${')'.repeat(n)}`,
    ],
    ['NOT', (n) => `SELECT ${'NOT '.repeat(n)}a`],
    ['signs', (n) => `SELECT ${'- '.repeat(n)}a`],
    ['CASE', (n) => `SELECT ${'CASE WHEN '.repeat(n)}a${' THEN 1 END'.repeat(n)}`],
    ['calls', (n) => `SELECT ${'f('.repeat(n)}1${')'.repeat(n)}`],
    ['queries', (n) => `${'('.repeat(n)}SELECT 1${')'.repeat(n)}`],
    ['subqueries', (n) => `${'SELECT * FROM ('.repeat(n)}SELECT 1${') x'.repeat(n)}`],
    ['joins', (n) => `SELECT * FROM ${'('.repeat(n)}t${')'.repeat(n)}`],
    ['joins to the right', (n) => `SELECT * FROM ${'a JOIN '.repeat(n)}b${' ON c'.repeat(n)}`],
  ])('nesting of %s', (_, sql) => {
    expect(() => parse(sql(10))).not.toThrow();
    expect(failure(sql(nestingMax + 1))).toMatchObject({
      code: 'limit',
      message: `nested more than ${nestingMax} levels deep`,
    });
    expect(failure(sql(20_000)).code).toBe('limit');
  });

  test('an opening parenthesis, many times over', () => {
    for (const sql of [
      'SELECT '.concat('('.repeat(200_000)),
      '('.repeat(200_000),
      `SELECT * FROM ${'('.repeat(200_000)}`,
    ]) {
      expect(failure(sql).code).toBe('limit');
    }
  });

  test.each<[string, (count: number) => string]>([
    ['operators', (n) => `SELECT ${'a + '.repeat(n)}a`],
    ['conditions', (n) => `SELECT 1 WHERE ${'a = 1 OR '.repeat(n)}a = 2`],
    ['casts', (n) => `SELECT a${'::text'.repeat(n)}`],
    ['tables', (n) => `SELECT * FROM t${', t'.repeat(n)}`],
  ])('%s in a row', (_, sql) => {
    expect(parse(sql(100))).toHaveLength(1);
    expect(failure(sql(depthMax + 1)).code).toBe('limit');
    expect(failure(sql(50_000)).code).toBe('limit');
  });

  test('long lists are no depth', () => {
    expect(
      parse(`INSERT INTO t VALUES ${Array.from({ length: 5_000 }, (_, i) => `(${i}, 'x')`).join(', ')}`),
    ).toHaveLength(1);
    expect(parse(`SELECT a IN (${Array.from({ length: 5_000 }, (_, i) => i).join(', ')})`)).toHaveLength(1);
  });
});

describe('any text gives statements or a ParseError', () => {
  function survives(sql: string): void {
    try {
      parse(sql);
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      expect(error.position).toBeGreaterThanOrEqual(0);
      expect(error.position).toBeLessThanOrEqual(sql.length);
      expect(error.found).toBe(sql.slice(error.span.start, error.span.end));
      expect(renderErrorAt(sql, error.position)).toMatch(/^LINE \d+: .*\n *\^$/s);
    }
  }

  test('every character begins a token', () => {
    for (let unit = 0; unit <= 0xffff; unit += 1) {
      const character = String.fromCharCode(unit);
      if (!/['"]/.test(character)) expect(() => tokenize(character)).not.toThrow();
    }
  });

  test('random text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string({ unit: fc.constantFrom(...`aeExX'"$-/*\\.;()[]:,=<>!|&^%1_ \n\té`) }),
        ),
        survives,
      ),
      { numRuns: 500 },
    );
  });

  test('statements with words dropped, doubled, swapped and foreign ones put in', () => {
    const statement = fc.constantFrom(...corpus, ...ownCorpus);
    const words = fc.constantFrom(
      '',
      '(',
      ')',
      ',',
      ';',
      '.',
      '*',
      'SELECT',
      'FROM',
      'AS',
      'NOT',
      'IN',
      'WITH',
      'JOIN',
      'ORDER',
      'x',
      "'s'",
      '1',
      '$1',
      '::',
      'AND',
      'VALUES',
      'TABLE',
      'PRIMARY',
      '~',
      '[',
    );
    const edit = fc.record({ at: fc.nat(30), skip: fc.nat(2), word: words });
    fc.assert(
      fc.property(statement, fc.array(edit, { minLength: 1, maxLength: 3 }), (sql, edits) => {
        const pieces = sql.split(/(?<=\W)|(?=\W)/);
        for (const { at, skip, word } of edits) pieces.splice(at % (pieces.length + 1), skip, ` ${word} `);
        survives(pieces.join(''));
      }),
      { numRuns: 400 },
    );
  });
});
