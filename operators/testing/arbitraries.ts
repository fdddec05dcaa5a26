import fc from 'fast-check';
import {
  type Batch,
  batchFromRows,
  formatValue,
  QueryError,
  type Schema,
  type SqlType,
  type SqlValue,
  types,
} from '../../columnar/index.ts';
import type { MemoryBudget } from '../operator.ts';

// For tests of operators: rows, random values that collide often, and a budget that counts.

export type Row = (SqlValue | null)[];

export function schemaOf(...fieldTypes: SqlType[]): Schema {
  return { fields: fieldTypes.map((type, index) => ({ name: `c${index}`, type })) };
}

/** The rows in batches of random sizes. */
export function arbitraryBatches(schema: Schema, rowsMax: number): fc.Arbitrary<Batch[]> {
  const row = fc.tuple(...schema.fields.map(({ type }) => arbitraryValue(type)));
  return fc
    .array(fc.array(row, { maxLength: rowsMax }), { maxLength: 4 })
    .map((parts) => parts.map((rows) => batchFromRows(schema, rows)));
}

const pools: Readonly<Partial<Record<SqlType['kind'], readonly SqlValue[]>>> = {
  boolean: [true, false],
  int2: [0, 1, -7, 32_767],
  int4: [0, 1, -7, 2_147_483_647, -2_147_483_648],
  int8: [0n, 1n, -7n, 9_223_372_036_854_775_807n, -9_223_372_036_854_775_808n, 4_294_967_296n],
  float4: [0, -0, 1.5, -2.25, Number.NaN],
  float8: [0, -0, 1.5, -2.25, 1024, Number.NaN, Infinity],
  numeric: [0n, 1n, -150n, 10n ** 30n, -(10n ** 30n), 2n ** 64n],
  text: ['', 'a', 'ab', 'é', '😀', '\ue000'],
  bytea: [Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(255, 0)],
  date: [0, 19_000, -1],
  timestamp: [0n, -1n, 1_700_000_000_000_000n],
  timestamptz: [0n, -1n, 1_700_000_000_000_000n],
  interval: [
    { months: 1, days: 0, micros: 0n },
    { months: 0, days: 30, micros: 0n },
    { months: 0, days: -1, micros: 5n },
  ],
};

/** One of a few values, or NULL. */
export function arbitraryValue(type: SqlType): fc.Arbitrary<SqlValue | null> {
  return fc.constantFrom(...(pools[type.kind] ?? []), null);
}

/** Texts of rows, so that they compare: NaN, -0 and equal intervals each have one text. */
export function rowTexts(schema: Schema, rows: readonly Row[]): string[][] {
  return rows.map((row) => row.map((value, index) => cellText(schema.fields[index]?.type ?? types.text, value)));
}

export function cellText(type: SqlType, value: SqlValue | null): string {
  if (value === null) return 'NULL';
  if (value === 0) return '0';
  return formatValue(type, value);
}

export const byText = (a: readonly string[], b: readonly string[]): number => (a.join('|') < b.join('|') ? -1 : 1);

/** Counts what is reserved, and refuses more than `bytesMax`. */
export class CountingBudget implements MemoryBudget {
  readonly #bytesMax: number;
  held = 0;
  peak = 0;

  constructor(bytesMax = Infinity) {
    this.#bytesMax = bytesMax;
  }

  reserve(bytes: number, operator: string): void {
    this.held += bytes;
    this.peak = Math.max(this.peak, this.held);
    if (this.held > this.#bytesMax)
      throw new QueryError('outOfMemory', `the query's memory limit was passed by ${operator}`);
  }

  release(bytes: number): void {
    this.held -= bytes;
  }
}
