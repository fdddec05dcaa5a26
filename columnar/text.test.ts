import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { civilFromDays, daysFromCivil, daysInMonth } from './calendar.ts';
import { divideRounding, formatDecimal, numericFits, parseDecimal, powerOfTen, rescale } from './decimal.ts';
import { QueryError } from './error.ts';
import { formatValue } from './format-value.ts';
import { intervalSpan, intervalToMs } from './interval.ts';
import { parseValue } from './parse-value.ts';
import { typeFromName, typeName, types, typesEqual } from './sql-types.ts';
import { allTypes, arbitraryValue } from './testing/arbitraries.ts';

describe('text forms', () => {
  test('every value reads back from what it prints as', () => {
    for (const type of allTypes) {
      fc.assert(
        fc.property(arbitraryValue(type), (value) => {
          expect(parseValue(type, formatValue(type, value))).toEqual(value);
        }),
      );
    }
  });

  test('whatever the text, reading gives a value or a QueryError', () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[-+0-9: .TZPYMDHSa-z@\\]{0,30}$/));
    fc.assert(
      fc.property(fc.constantFrom(...allTypes), texts, (type, text) => {
        try {
          expect(() => formatValue(type, parseValue(type, text))).not.toThrow(TypeError);
        } catch (error) {
          expect(error).toBeInstanceOf(QueryError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('booleans are t and f', () => {
    expect([true, false].map((value) => formatValue(types.boolean, value))).toEqual(['t', 'f']);
  });

  test('long hostile texts are refused at once', () => {
    const long = '9'.repeat(1_000_000);
    for (const type of allTypes) {
      if (type.kind === 'text' || type.kind === 'bytea') continue;
      expect(() => parseValue(type, long)).toThrow(QueryError);
      expect(() => parseValue(type, `${' '.repeat(100_000)}x`)).toThrow(QueryError);
    }
    expect(() => parseValue(types.numeric(10, 2), '1e999999999')).toThrow('value overflows numeric format');
  });
});

describe('calendar', () => {
  test('agrees with Date', () => {
    fc.assert(
      fc.property(fc.integer({ min: -90_000_000, max: 90_000_000 }), (days) => {
        const date = new Date(days * 86_400_000);
        const civil = civilFromDays(days);
        expect(civil).toEqual({ year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() });
        expect(daysFromCivil(civil.year, civil.month, civil.day)).toBe(days);
      }),
    );
  });

  test('knows leap years', () => {
    expect([1900, 2000, 2023, 2024].map((year) => daysInMonth(year, 2))).toEqual([28, 29, 28, 29]);
    expect([4, 6, 9, 11, 12].map((month) => daysInMonth(2023, month))).toEqual([30, 30, 30, 30, 31]);
  });
});

describe('decimals', () => {
  test('are read as they are written', () => {
    expect(parseDecimal('1.50')).toEqual({ unscaled: 150n, scale: 2, precision: 3 });
    expect(parseDecimal('-.05')).toEqual({ unscaled: -5n, scale: 2, precision: 2 });
    expect(parseDecimal('007')).toEqual({ unscaled: 7n, scale: 0, precision: 1 });
    expect(parseDecimal('1.5e3')).toEqual({ unscaled: 1_500n, scale: 0, precision: 4 });
    expect(parseDecimal('1e-3')).toEqual({ unscaled: 1n, scale: 3, precision: 3 });
    expect(parseDecimal('0')).toEqual({ unscaled: 0n, scale: 0, precision: 1 });
    for (const text of ['', '.', '-', 'e5', '1e', '1.2.3', '0x10', 'NaN']) expect(parseDecimal(text)).toBeNull();
    expect(() => parseDecimal('1e2000')).toThrow(QueryError);
  });

  test('print with all digits of the scale, and read back', () => {
    expect(formatDecimal(-5n, 2)).toBe('-0.05');
    fc.assert(
      fc.property(fc.bigInt(), fc.nat(20), (unscaled, scale) => {
        const decimal = parseDecimal(formatDecimal(unscaled, scale));
        expect(decimal).toMatchObject({ unscaled, scale });
        expect(numericFits(unscaled, decimal?.precision ?? 0)).toBe(true);
      }),
    );
  });

  test('halves are rounded away from zero', () => {
    expect([15n, 25n, -15n, -25n, 14n, -14n].map((value) => rescale(value, 1, 0))).toEqual([2n, 3n, -2n, -3n, 1n, -1n]);
    expect(rescale(15n, 1, 3)).toBe(1_500n);
    expect([1n, 2n, -1n, -2n].map((value) => divideRounding(value, 3n))).toEqual([0n, 1n, 0n, -1n]);
  });

  test('fit or do not', () => {
    expect([999n, -999n, 1_000n, -1_000n].map((value) => numericFits(value, 3))).toEqual([true, true, false, false]);
    expect(powerOfTen(80)).toBe(10n ** 80n);
  });
});

test('timestamps end where 64 bits of microseconds do, thirty years before PostgreSQL’s', () => {
  const last = '294246-12-31 23:59:59.999999';
  expect(formatValue(types.timestamp, parseValue(types.timestamp, last))).toBe(last);
  expect(() => parseValue(types.timestamp, '294247-01-01')).toThrow('timestamp out of range: "294247-01-01"');
});

describe('intervals', () => {
  test('of fixed length have milliseconds', () => {
    expect(intervalToMs({ months: 0, days: 1, micros: 1_500n })).toBe(86_400_001.5);
    expect(() => intervalToMs({ months: 1, days: 0, micros: 0n })).toThrow('no fixed length');
  });

  test('compare by 30-day months and 24-hour days', () => {
    expect(intervalSpan({ months: 1, days: -30, micros: 1n })).toBe(1n);
  });
});

describe('type names', () => {
  test('aliases', () => {
    const same = {
      int: 'integer',
      Decimal: 'numeric(38,10)',
      'double precision': 'double precision',
      string: 'text',
      char: 'text',
      'timestamp with time zone': 'timestamp with time zone',
      timestamptz: 'timestamp with time zone',
      float: 'double precision',
      BOOL: 'boolean',
    };
    for (const [alias, name] of Object.entries(same)) expect(typeName(typeFromName(alias) ?? types.bytea)).toBe(name);
    expect(typeFromName('float', [24])).toEqual(types.float4);
    expect(typeFromName('varchar', [10])).toEqual(types.text);
    expect(typeFromName('numeric', [7])).toEqual(types.numeric(7, 0));
    expect(typeFromName('timestamp', [6])).toEqual(types.timestamp);
  });

  test('what is no type, or not ours', () => {
    for (const [name, args] of [
      ['json', []],
      ['int', [4]],
      ['numeric', [1, 1, 1]],
      ['varchar', [1, 2]],
      ['float', [1, 2]],
    ] as const) {
      expect(typeFromName(name, args)).toBeNull();
    }
    expect(() => typeFromName('numeric', [39])).toThrow('NUMERIC precision 39 must be between 1 and 38');
    expect(() => typeFromName('numeric', [5, 6])).toThrow('NUMERIC scale 6 must be between 0 and precision 5');
    expect(() => typeFromName('float', [54])).toThrow('less than 54 bits');
    expect(() => typeFromName('timestamp', [3])).toThrow('timestamp(3) is not supported');
    expect(() => typeFromName('varchar', [0])).toThrow('must be at least 1');
  });

  test('equality looks at precision and scale', () => {
    expect(typesEqual(types.numeric(5, 2), types.numeric(5, 2))).toBe(true);
    expect(typesEqual(types.numeric(5, 2), types.numeric(5, 1))).toBe(false);
    expect(typesEqual(types.int4, types.int8)).toBe(false);
  });
});
