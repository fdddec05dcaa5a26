import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { QueryError } from '../columnar/index.ts';
import { decodePlan, encodePlan, type PhysicalPlan, validatePlan } from './index.ts';
import { failure, plan } from './test-tables.ts';

const plans: readonly PhysicalPlan[] = [
  'SELECT origin, avg(delay) AS mean, count(DISTINCT distance) FROM flights GROUP BY origin HAVING count(*) > 100 ORDER BY mean DESC LIMIT 10',
  'SELECT a.city, CASE WHEN f.delay > 5 THEN 1.5 ELSE -2 END FROM flights f LEFT JOIN airports a ON f.origin = a.iata AND a.latitude > 3.5 WHERE f.delay IN (1, 2)',
  "SELECT * FROM kinds WHERE i8 > 5000000000 AND n < 12.34 AND raw = '\\x00ff' AND span > interval '1 month 2 days 3 seconds' AND tz < now()",
  'SELECT k.t FROM kinds k JOIN states s ON k.i8 = s.code UNION ALL SELECT state FROM states ORDER BY 1',
  "SELECT v.x, f.delay FROM (VALUES (1, 'a'), (2, NULL)) v(x, y) JOIN flights f ON f.origin = v.y LIMIT 5 OFFSET 2",
  "SELECT c FROM pairs WHERE a = 1 AND b = 'x'",
  "SELECT 9223372036854775807, 12345678901234567890123456789012345678, 'NaN'::float8, '-Infinity'::float4",
].map((sql) => plan(sql));

test('encoding and decoding give the same plan, frozen', () => {
  for (const each of plans) {
    const decoded = decodePlan(encodePlan(each));
    expect(decoded).toEqual(each);
    expect(Object.isFrozen(decoded.opgraphs[0]?.root.schema.fields)).toBe(true);
  }
});

test('literals of every size survive the wire', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.string(), (number, text) => {
      const quoted = text.replaceAll("'", "''").replaceAll('\0', '');
      const each = plan(`SELECT i8 FROM kinds WHERE i8 = '${number}' AND t = '${quoted}'`);
      expect(decodePlan(encodePlan(each))).toEqual(each);
    }),
    { numRuns: 50 },
  );
});

/** Every place in a plan, as the keys that lead there. */
function places(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [path];
  return [path, ...Object.entries(value).flatMap(([key, child]) => places(child, [...path, key]))];
}

/** A copy with another value at `path`. */
function changed(value: unknown, path: readonly string[], replacement: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return replacement;
  if (Array.isArray(value))
    return value.map((child: unknown, index) => (String(index) === key ? changed(child, rest, replacement) : child));
  const record = value as Record<string, unknown>;
  return { ...record, [key]: changed(record[key], rest, replacement) };
}

const junk = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    -1,
    0,
    1,
    2,
    7,
    1e9,
    0.5,
    Number.NaN,
    2n ** 70n,
    '',
    'sources',
    'hash',
    'add',
    'and',
  ),
  fc.constantFrom<unknown>(
    [],
    {},
    [null],
    { kind: 'boolean' },
    { kind: 'text' },
    { kind: 'numeric', precision: 99, scale: 3 },
  ),
  fc.constantFrom<unknown>(new Uint8Array(3), { fields: [] }, { kind: 'literal', value: 1, type: { kind: 'int4' } }),
  fc.anything(),
);

test('a mutated plan is refused or harmless, never anything else', () => {
  let refused = 0;
  const targets = plans.map((each) => ({ each, all: places(each) }));
  fc.assert(
    fc.property(fc.constantFrom(...targets), fc.nat(), junk, ({ each, all }, at, replacement) => {
      const mutant = changed(each, all[at % all.length] as readonly string[], replacement);
      try {
        const accepted = validatePlan(mutant);
        expect(validatePlan(accepted)).toEqual(accepted);
      } catch (error) {
        refused += 1;
        expect(error).toBeInstanceOf(QueryError);
        expect((error as QueryError).code).toBe('protocol');
      }
    }),
    { numRuns: 2_000 },
  );
  expect(refused).toBeGreaterThan(1_000);
});

test('garbled bytes are refused', () => {
  const bytes = encodePlan(plans[0] as PhysicalPlan);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const garbled = bytes.slice();
      garbled[at] = (garbled[at] as number) ^ flip;
      try {
        decodePlan(garbled);
      } catch (error) {
        expect(error).toBeInstanceOf(QueryError);
      }
    }),
    { numRuns: 500 },
  );
  expect(failure(() => decodePlan(new Uint8Array())).code).toBe('protocol');
  expect(failure(() => decodePlan(new Uint8Array(100_000).fill(0x81))).code).toBe('protocol');
});

describe('what a hostile plan may not do', () => {
  const [grouped, joined] = plans as readonly [PhysicalPlan, PhysicalPlan];
  const refuse = (mutant: unknown) => failure(() => validatePlan(mutant)).message;

  test('call what does not exist, or with arguments of other types', () => {
    const call = { kind: 'call', function: 'lower', args: [], type: { kind: 'text' } };
    const path = ['opgraphs', '2', 'root', 'keys', '0', 'expression'];
    expect(refuse(changed(grouped, path, call))).toBe('invalid plan: lower does not take such arguments');
    expect(refuse(changed(grouped, path, { ...call, function: 'constructor' }))).toContain(
      'invalid plan: function is none of',
    );
  });

  test('read columns that are not there', () => {
    expect(refuse(changed(joined, ['opgraphs', '2', 'root', 'expressions', '0', 'index'], 99))).toContain(
      'column is no whole number from 0 to',
    );
  });

  test('claim other waves, leave exchanges open or feed them twice', () => {
    expect(refuse(changed(joined, ['waves'], 5))).toBe('invalid plan: waves do not follow from the exchanges');
    expect(refuse(changed(joined, ['opgraphs', '0', 'output', 'wave'], 1))).toBe(
      'invalid plan: waves do not follow from the exchanges',
    );
    expect(refuse(changed(joined, ['opgraphs', '1', 'output', 'id'], 0))).toBe('invalid plan: two exchanges 0');
    expect(refuse({ ...joined, opgraphs: joined.opgraphs.slice(2) })).toContain('nothing sends to exchange');
    expect(refuse({ ...joined, opgraphs: [] })).toBe('invalid plan: no opgraph');
  });

  test('nest without end', () => {
    let deep: unknown = { kind: 'literal', value: true, type: { kind: 'boolean' } };
    for (let level = 0; level < 5_000; level++)
      deep = { kind: 'call', function: 'not', args: [deep], type: { kind: 'boolean' } };
    const scan = ['opgraphs', '0', 'root', 'input', 'predicate'];
    expect(refuse(changed(grouped, scan, deep))).toBe('invalid plan: nested more than 1000 levels deep');
  });

  test('come in another version', () => {
    expect(refuse({ ...grouped, version: 2 })).toBe('invalid plan: version 2, not 1');
  });
});
