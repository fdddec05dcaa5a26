import fc from 'fast-check';
import { types } from '../../columnar/index.ts';
import type { StandardTable } from './standard-tables.ts';

/** A query that PostgreSQL takes and that has one right answer, whatever the order of evaluation. */
export interface RandomQuery {
  readonly sql: string;
  /** The order of rows is part of the answer. */
  readonly ordered: boolean;
}

/** Types of the expressions that are drawn. */
type Kind = 'int' | 'big' | 'num' | 'float' | 'text' | 'bool' | 'day' | 'time';
const kinds: readonly Kind[] = ['int', 'big', 'num', 'float', 'text', 'bool', 'day', 'time'];

/** What may be named, by type. */
type Scope = Readonly<Partial<Record<Kind, readonly string[]>>>;
type Texts = Readonly<Record<Kind, fc.Arbitrary<string>>>;

// ---- Rows. Floats are multiples of 1/4, so that their sums do not depend on the order of terms.

const orNull = (arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string | null> => fc.option(arbitrary, { freq: 5 });
const whole = (min: number, max: number): fc.Arbitrary<string> => fc.integer({ min, max }).map(String);
const word = fc.constantFrom('a', 'b', 'A', '', 'ab', 'ba', 'é', '船', 'a b');
const day = fc.constantFrom('2001-01-01', '2001-01-31', '2000-02-29', '1969-12-31');

const shipRow = fc.tuple(
  orNull(whole(-2, 5)),
  orNull(whole(-5, 20)),
  orNull(word),
  orNull(whole(-8, 8).map((quarters) => String(Number(quarters) / 4))),
  orNull(fc.constantFrom('t', 'f')),
  orNull(day),
);
const callRow = fc.tuple(
  orNull(whole(-2, 5)),
  orNull(fc.oneof(whole(-5, 20), whole(5_000_000_000, 5_000_000_003))),
  orNull(word),
  orNull(whole(-300, 300).map((cents) => (Number(cents) / 100).toFixed(2))),
  orNull(fc.tuple(day, fc.constantFrom('00:00:00', '12:34:56.75')).map((parts) => parts.join(' '))),
);

/** Two tables whose rows follow from the seed. */
export function randomTables(seed: number): readonly StandardTable[] {
  const { int4, int8, text, float8, boolean, date, timestamp, numeric } = types;
  const ships = { k: int4, n: int4, s: text, x: float8, ok: boolean, d: date };
  const calls = { k: int4, m: int8, t: text, p: numeric(8, 2), at: timestamp };
  const fields = (columns: object) => Object.entries(columns).map(([name, type]) => ({ name, type }));
  return [
    { name: 'ships', schema: { fields: fields(ships) }, rows: fc.sample(shipRow, { seed, numRuns: 30 }) },
    { name: 'calls', schema: { fields: fields(calls) }, rows: fc.sample(callRow, { seed: seed + 1, numRuns: 23 }) },
  ];
}

function shipColumns(alias: string): Scope {
  const a = (name: string) => [`${alias}.${name}`];
  return { int: [...a('k'), ...a('n')], text: a('s'), float: a('x'), bool: a('ok'), day: a('d') };
}

function callColumns(alias: string): Scope {
  const a = (name: string) => [`${alias}.${name}`];
  return { int: a('k'), big: a('m'), text: a('t'), num: a('p'), time: a('at') };
}

function joined(...scopes: readonly Scope[]): Scope {
  return Object.fromEntries(kinds.map((kind) => [kind, scopes.flatMap((scope) => scope[kind] ?? [])]));
}

// ---- Expressions. None of them can fail: no division by columns, no numbers near a type's limits.

/** Texts by the names of the holes that they fill. */
type Holes = Readonly<Record<string, fc.Arbitrary<string>>>;

/** A template with each `{hole}` filled by a text that is drawn for it. */
function fill(template: string, holes: Holes): fc.Arbitrary<string> {
  const parts = template.split(/\{(\w+)\}/);
  const drawn = parts.map((part, i) => (i % 2 === 0 ? fc.constant(part) : holeOf(part, holes)));
  return fc.tuple(...drawn).map((texts) => texts.join(''));
}

function holeOf(name: string, holes: Holes): fc.Arbitrary<string> {
  const texts = holes[name];
  if (texts === undefined) throw new Error(`nothing fills {${name}}`);
  return texts;
}

const literals: Texts = {
  int: whole(-5, 20).map((digits) => (digits.startsWith('-') ? `(${digits})` : digits)),
  big: fc.constantFrom('0::bigint', '5000000001', '7::bigint'),
  num: fc.constantFrom('1.25', '0.00', '2.50', '10.05'),
  float: fc.constantFrom('0.5::float8', '0::float8', '1.75::float8'),
  text: word.map((text) => `'${text}'::text`),
  bool: fc.constantFrom('true', 'false', 'NULL::boolean'),
  day: day.map((text) => `DATE '${text}'`),
  time: day.map((text) => `TIMESTAMP '${text} 12:00'`),
};

const compared: readonly (readonly [Kind, Kind])[] = [
  ...kinds.filter((kind) => kind !== 'bool').map((kind) => [kind, kind] as const),
  ['int', 'big'],
  ['big', 'num'],
  ['num', 'float'],
  ['int', 'num'],
  ['day', 'time'],
];

const forms: Readonly<Record<Kind, readonly string[]>> = {
  int: [
    '({int} + {int})',
    '({int} - {int})',
    '({int} * {nonZero})',
    '({int} / {nonZero})',
    '({int} % {nonZero})',
    '(- {int})',
    'abs({int})',
    'greatest({int}, {int})',
    'least({int}, {int})',
    'length({text})',
    'strpos({text}, {text})',
    '({day} - {day})',
    '({bool})::int',
  ],
  big: ['({big} + {int})', '({int})::bigint', '({big} % {nonZero})'],
  num: [
    '({num} + {num})',
    '({num} - {int})',
    '({num} * {nonZero})',
    'abs({num})',
    'round({num}, 1)',
    'round({num})',
    'floor({num})',
    '({int})::numeric(10, 2)',
    'extract(day FROM {day})',
    'extract(hour FROM {time})',
  ],
  float: ['({float} + {float})', '({float} * 0.5)', '(- {float})', '({int})::float8', 'floor({float})'],
  text: [
    '({text} || {text})',
    'upper({text})',
    'left({text}, {int})',
    '({int})::text',
    'concat({text}, {int}, {bool})',
    "replace({text}, 'a', {text})",
    '({day})::text',
  ],
  bool: [
    '({bool} AND {bool})',
    '({bool} OR {bool})',
    '(NOT {bool})',
    '({bool} IS TRUE)',
    '({bool} IS NOT FALSE)',
    ...compared.map(([left, right]) => `({${left}} {comparison} {${right}})`),
    '({int} IN (1, {int}, 4, NULL))',
    '({int} NOT IN (0, 2, 3))',
    "({text} IN ('a', '', 'é'))",
    '({int} BETWEEN {int} AND {int})',
    "({text} LIKE '%a')",
    "({text} NOT LIKE '_')",
    ...kinds.map((kind) => `({${kind}} IS NULL)`),
    '({int} IS DISTINCT FROM {int})',
    '({text} IS NOT DISTINCT FROM {text})',
  ],
  day: ['({day} + 1)', '({time})::date'],
  time: ["date_trunc('month', {time})", "({time} + INTERVAL '1 month 1 hour')", '({day})::timestamp'],
};

/** Forms that every type has. */
const commonForms = (kind: Kind): readonly string[] => [
  `coalesce({${kind}}, {${kind}})`,
  `nullif({${kind}}, {${kind}})`,
  `CASE WHEN {bool} THEN {${kind}} ELSE {${kind}} END`,
  `CASE WHEN {bool} THEN {${kind}} END`,
];

const constants: Holes = {
  nonZero: fc.constantFrom('2', '3', '-3', '7'),
  comparison: fc.constantFrom('=', '<>', '<', '<=', '>', '>='),
  join: fc.constantFrom('JOIN', 'LEFT JOIN'),
};

/** Expressions of each type over the columns of a scope. */
function expressions(scope: Scope): Texts {
  return fc.letrec<Record<Kind, string>>((tie) => {
    const holes = { ...constants, ...byKind((kind) => tie(kind)) };
    return byKind((kind) => {
      const nested = [...forms[kind], ...commonForms(kind)].map((form) => fill(form, holes));
      const weighted = nested.map((arbitrary) => ({ weight: 1, arbitrary }));
      const leaves = { weight: 6, arbitrary: leaf(kind, scope) };
      return fc.oneof({ maxDepth: 2, depthIdentifier: 'expression' }, leaves, ...weighted);
    });
  });
}

function leaf(kind: Kind, scope: Scope): fc.Arbitrary<string> {
  const columns = scope[kind] ?? [];
  if (columns.length === 0) return literals[kind];
  return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...columns) }, { weight: 1, arbitrary: literals[kind] });
}

function byKind(of: (kind: Kind) => fc.Arbitrary<string>): Texts {
  return Object.fromEntries(kinds.map((kind) => [kind, of(kind)])) as Record<Kind, fc.Arbitrary<string>>;
}

// ---- Relations

interface Relation {
  readonly from: fc.Arbitrary<string>;
  readonly scope: Scope;
}

function relations(): readonly Relation[] {
  const ships = shipColumns('ships');
  const calls = callColumns('calls');
  const both = joined(ships, calls);
  const holes = { ...constants, condition: expressions(both).bool, ...expressions(ships) };
  const forms: readonly (readonly [from: string, scope: Scope])[] = [
    ['ships', ships],
    ['calls', calls],
    ['ships {join} calls ON ships.k = calls.k', both],
    ['calls {join} ships ON ships.k = calls.k AND {condition}', both],
    ['ships {join} calls ON ships.n = calls.m AND ships.s = calls.t', both],
    ['ships {join} calls ON {condition}', both],
    ['ships CROSS JOIN calls', both],
    ['ships {join} calls USING (k)', joined(both, { int: ['k'] })],
    ['ships a {join} ships b ON a.n = b.k', joined(shipColumns('a'), shipColumns('b'))],
    [
      'ships {join} calls ON ships.k = calls.k {join} ships c ON calls.m = c.n AND c.ok = ships.ok',
      joined(both, shipColumns('c')),
    ],
    [
      '(SELECT k, count(*) AS c, sum(n) AS b, min(s) AS w FROM ships GROUP BY k) AS g {join} calls ON g.k = calls.k',
      joined({ int: ['g.k'], big: ['g.c', 'g.b'], text: ['g.w'] }, calls),
    ],
    ['(SELECT k, s FROM ships UNION ALL SELECT k, t FROM calls) AS u', { int: ['u.k'], text: ['u.s'] }],
    [
      '(SELECT {int} AS i, {text} AS w, {bool} AS p FROM ships WHERE {bool}) AS v {join} calls ON v.i = calls.k',
      joined({ int: ['v.i'], text: ['v.w'], bool: ['v.p'] }, calls),
    ],
    [
      '(SELECT k, s FROM ships ORDER BY n, k, s, x, ok, d LIMIT 7) AS u {join} calls ON u.k = calls.k OR u.s = calls.t',
      joined({ int: ['u.k'], text: ['u.s'] }, calls),
    ],
    [
      '(SELECT DISTINCT k, d FROM ships) AS u {join} calls ON u.k = calls.k',
      joined({ int: ['u.k'], day: ['u.d'] }, calls),
    ],
  ];
  return forms.map(([from, scope]) => ({ from: fill(from, holes), scope }));
}

// ---- Queries

/** A SELECT before ORDER BY and the number of its columns. */
interface Core {
  readonly sql: string;
  readonly columns: number;
}

const aggregateForms = [
  'count(*)',
  'count({any})',
  'count(DISTINCT {any})',
  'sum({number})',
  'sum(DISTINCT {int})',
  'avg({number})',
  'min({sortable})',
  'max({sortable})',
  'count(*) - count({any})',
  "coalesce(max({text}), 'none')",
];

const filters = [
  '',
  '',
  ' HAVING count(*) > 1',
  ' HAVING count(*) < 3 OR 1 = 1',
  " HAVING sum({int}) > 2 AND NOT min({text}) = 'a'",
];

function cores({ from, scope }: Relation): fc.Arbitrary<Core> {
  const texts = expressions(scope);
  const { int, big, num, float, text, bool, day, time } = texts;
  const any = fc.oneof(...Object.values(texts));
  const number = fc.oneof(int, big, num, float);
  const sortable = fc.oneof(number, text, day, time);
  const where = fc.oneof(
    { weight: 1, arbitrary: fc.constant('') },
    { weight: 2, arbitrary: bool.map((condition) => ` WHERE ${condition}`) },
  );
  const holes = { ...texts, any, number, sortable, from, where };
  const one = (templates: readonly string[]) => fc.oneof(...templates.map((template) => fill(template, holes)));
  const rows = fill('FROM {from}{where}', holes);
  const calls = fc.array(one(aggregateForms), { minLength: 1, maxLength: 3 });
  const keys = fc.array(any, { minLength: 1, maxLength: 2 });
  const plain = fc
    .tuple(fc.constantFrom('', 'DISTINCT '), fc.array(any, { minLength: 1, maxLength: 4 }), rows)
    .map(([distinct, items, source]) => selection(distinct, items, source));
  const total = fc
    .tuple(calls, rows, one(filters))
    .map(([items, source, filter]) => selection('', items, source + filter));
  const grouped = fc.tuple(keys, calls, rows, one(filters)).map(([by, items, source, filter]) => {
    return selection('', [...by, ...items], `${source} GROUP BY ${positions(by.length).join(', ')}${filter}`);
  });
  const union = fill('SELECT {int}, {text} FROM {from}{where} UNION ALL SELECT {big}, {text} FROM {from}', holes);
  return fc.oneof(
    { weight: 3, arbitrary: plain },
    { weight: 2, arbitrary: total },
    { weight: 4, arbitrary: grouped },
    { weight: 1, arbitrary: union.map((sql) => ({ sql, columns: 2 })) },
  );
}

function selection(distinct: string, items: readonly string[], rest: string): Core {
  return { sql: `SELECT ${distinct}${items.join(', ')} ${rest}`, columns: items.length };
}

function positions(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i + 1));
}

/** Any query; a slice is taken only of rows in a total order. */
export function randomQuery(): fc.Arbitrary<RandomQuery> {
  const core = fc.oneof(...relations().map(cores));
  const direction = fc.constantFrom('', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST');
  const directions = fc.infiniteStream(direction);
  const slice = fc.constantFrom('', '', ' LIMIT 5', ' LIMIT 3 OFFSET 2', ' OFFSET 4');
  const ordered = fc.tuple(core, directions, slice).map(([{ sql, columns }, order, rows]) => {
    const keys = positions(columns).map((position) => position + order.next().value);
    return { sql: `${sql} ORDER BY ${keys.join(', ')}${rows}`, ordered: true };
  });
  return fc.oneof(
    core.map(({ sql }) => ({ sql, ordered: false })),
    ordered,
  );
}
