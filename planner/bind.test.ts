import { describe, expect, test } from 'vitest';
import { typeName, types } from '../columnar/index.ts';
import { bindQuery } from './bind-query.ts';
import { expressionSql } from './explain-expression.ts';
import { rewrite } from './rewrite.ts';
import { context, failure, plan, queryOf, tables } from './test-tables.ts';

/** The type of an expression over `kinds`, and how it stands in the rewritten plan. */
function bound(sql: string): { readonly type: string; readonly sql: string; readonly name: string } {
  const query = queryOf(`SELECT ${sql} FROM kinds`);
  const { plan: logical } = bindQuery(query, tables, context);
  const [field] = logical.schema.fields;
  const rewritten = rewrite(logical);
  const shown =
    rewritten.kind === 'project'
      ? rewritten.expressions.map((part) => expressionSql(part, rewritten.input.schema))
      : [];
  return { type: field === undefined ? '' : typeName(field.type), sql: shown.join(', '), name: field?.name ?? '' };
}

describe('types follow PostgreSQL', () => {
  test.each([
    ['1', 'integer'],
    ['2147483648', 'bigint'],
    ['9223372036854775808', 'numeric(19,0)'],
    ['1.50', 'numeric(3,2)'],
    ['1e3', 'numeric(4,0)'],
    ["'x'", 'text'],
    ['NULL', 'text'],
    ['i2 + i2', 'smallint'],
    ['i2 + i4', 'integer'],
    ['i4 + i8', 'bigint'],
    ['i4 / 2', 'integer'],
    ['i4 + n', 'numeric(38,2)'],
    ['n * n', 'numeric(38,4)'],
    ['n * 1.5', 'numeric(38,3)'],
    ['n / 3', 'numeric(38,16)'],
    ['n % 3', 'numeric(38,2)'],
    ['n + f8', 'double precision'],
    ['n + f4', 'double precision'],
    ['i4 + f4', 'double precision'],
    ['f4 + f4', 'real'],
    ['i4 ^ 2', 'double precision'],
    ["i4 + '1'", 'integer'],
    ['d + 1', 'date'],
    ['1 + d', 'date'],
    ['d - 1', 'date'],
    ['d - d', 'integer'],
    ["d - '2001-01-01'", 'integer'],
    ["d + interval '1 day'", 'timestamp without time zone'],
    ["interval '1 day' + ts", 'timestamp without time zone'],
    ["tz - interval '1 day'", 'timestamp with time zone'],
    ["tz - '1 day'::interval", 'timestamp with time zone'],
    ['ts - ts', 'interval'],
    ['tz - ts', 'interval'],
    ['d - ts', 'interval'],
    ['span + span', 'interval'],
    ['span * 2', 'interval'],
    ['2 * span', 'interval'],
    ['span / 2', 'interval'],
    ['-span', 'interval'],
    ['-n', 'numeric(10,2)'],
    ['t || i4', 'text'],
    ['i4 BETWEEN 1 AND 2.5', 'boolean'],
    ['CASE WHEN b THEN i4 ELSE n END', 'numeric(12,2)'],
    ['CASE WHEN b THEN 1 END', 'integer'],
    ['coalesce(i2, i8)', 'bigint'],
    ['coalesce(NULL, d)', 'date'],
    ['greatest(d, ts)', 'timestamp without time zone'],
    ['nullif(i4, 2.5)', 'numeric(11,1)'],
    ['abs(i4)', 'integer'],
    ['abs(n)', 'numeric(10,2)'],
    ['round(i4)', 'double precision'],
    ['round(n)', 'numeric(38,0)'],
    ['round(n, 1)', 'numeric(38,1)'],
    ['round(f8)', 'double precision'],
    ['floor(n)', 'numeric(38,0)'],
    ['sqrt(i4)', 'double precision'],
    ['length(t)', 'integer'],
    ['mod(i8, 3)', 'bigint'],
    ['extract(year from ts)', 'numeric(38,0)'],
    ['extract(second from ts)', 'numeric(38,6)'],
    ["date_part('year', ts)", 'double precision'],
    ["date_trunc('hour', ts)", 'timestamp without time zone'],
    ["date_trunc('hour', d)", 'timestamp with time zone'],
    ['now()', 'timestamp with time zone'],
    ['current_date', 'date'],
    ['count(*)', 'bigint'],
    ['sum(i4)', 'bigint'],
    ['sum(i8)', 'numeric(38,0)'],
    ['sum(n)', 'numeric(38,2)'],
    ['sum(f4)', 'real'],
    ['avg(i4)', 'numeric(38,16)'],
    ['avg(n)', 'numeric(38,16)'],
    ['avg(f4)', 'double precision'],
    ['min(t)', 'text'],
    ['max(tz)', 'timestamp with time zone'],
    ['i8::numeric', 'numeric(38,0)'],
    ['n::numeric', 'numeric(38,2)'],
    ['t::numeric', 'numeric(38,10)'],
    ["'1.5'::float8", 'double precision'],
  ])('%s is %s', (sql, type) => {
    expect(bound(sql).type).toBe(type);
  });
});

describe('casts are inserted, literals read at once', () => {
  test.each([
    ['i4 = i8', 'i4::bigint = i8'],
    ['i4 > 1.5', 'i4::numeric(11,1) > 1.5'],
    ["d >= '2001-01-01'", "d >= '2001-01-01'::date"],
    ['ts > d', 'ts > d::timestamp without time zone'],
    ["n = '1.555'", 'n::numeric(11,3) = 1.555'],
    ['i4 IN (1, 2, 3)', 'i4 IN (1, 2, 3)'],
    ['i4 IN (1, NULL)', 'i4 IN (1) OR NULL'],
    ['i4 IN (1, i2)', 'i4 IN (1) OR i4 = i2::integer'],
    ['i4 NOT IN (1, 2)', 'NOT i4 IN (1, 2)'],
    ['i4 NOT BETWEEN 1 AND 3', 'NOT (i4 >= 1 AND i4 <= 3)'],
    ["t NOT LIKE 'a%'", "NOT t LIKE 'a%'"],
    ['i4 IS NOT NULL', 'NOT i4 IS NULL'],
    ['i4 IS NOT DISTINCT FROM i2', 'NOT i4 IS DISTINCT FROM i2::integer'],
    ["CASE t WHEN 'a' THEN 1 ELSE i4 END", "CASE WHEN t = 'a' THEN 1 ELSE i4 END"],
    ['substring(t from 2 for 3)', 'substring(t, 2, 3)'],
    ["position('a' in t)", "position(t, 'a')"],
    ['trim(t)', "trim(t, ' ')"],
    ['lpad(t, 5)', "left_pad(t, 5, ' ')"],
    ['concat(t, i4)', 'concat(t, i4::text)'],
    ['round(n, 1)', 'round_to(n::numeric(38,2), 1)::numeric(38,1)'],
    ['now()', "'2001-02-03 04:05:06.789+00'::timestamptz"],
    ['current_date', "'2001-02-03'::date"],
    ["now() - interval '1 day'", "'2001-02-02 04:05:06.789+00'::timestamptz"],
  ])('%s becomes %s', (sql, expected) => {
    expect(bound(sql).sql).toBe(expected);
  });
});

test.each([
  ['i4', 'i4'],
  ['lower(t)', 'lower'],
  ['i4::text', 'i4'],
  ["'1'::int", 'int4'],
  ['i4 + 1', '?column?'],
  ['CASE WHEN b THEN 1 END', 'case'],
  ['count(*)', 'count'],
  ['extract(year from ts)', 'extract'],
  ['current_date', 'current_date'],
  ['i4 AS x', 'x'],
])('%s is named %s', (sql, name) => {
  expect(bound(sql).name).toBe(name);
});

function outputs(sql: string): string[] {
  return plan(sql).schema.fields.map(({ name }) => name);
}

test('stars stand for the columns in sight, merged ones first', () => {
  expect(outputs('SELECT * FROM states')).toEqual(['state', 'code']);
  expect(outputs('SELECT s.*, a.iata FROM airports a JOIN states s USING (state)')).toEqual(['state', 'code', 'iata']);
  expect(outputs('SELECT * FROM airports a JOIN states s USING (state)')).toEqual([
    'state',
    'iata',
    'name',
    'city',
    'latitude',
    'longitude',
    'code',
  ]);
  expect(outputs('SELECT state FROM airports JOIN states USING (state)')).toEqual(['state']);
  expect(outputs('SELECT * FROM (SELECT 1, 2) v(x)')).toEqual(['x', '?column?']);
});

test('a literal of unknown type takes the type of the other branch', () => {
  expect(plan("SELECT NULL UNION ALL SELECT 1 UNION ALL SELECT '7'").schema.fields[0]?.type).toEqual(types.int4);
  expect(failure(() => plan("SELECT 'x' UNION ALL SELECT 1")).code).toBe('invalidText');
});

test('parameters take their types from where they stand', () => {
  const { opgraphs } = plan('SELECT t FROM kinds WHERE d = $1 AND i4 > $2', { parameters: ['2001-01-01', '5'] });
  const scan = opgraphs[0]?.root;
  expect(JSON.stringify(scan)).toContain('"value":11323');
  expect(failure(() => plan('SELECT t FROM kinds WHERE d = $1', { parameters: ['x'] })).position).toBe(30);
  expect(plan('SELECT $1 IS NULL', { parameters: [null] }).opgraphs).toHaveLength(1);
});
