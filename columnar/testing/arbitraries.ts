import fc from 'fast-check';
import type { Batch } from '../batch.ts';
import { batchFromRows } from '../build.ts';
import { types } from '../sql-types.ts';
import type { Schema, SqlType, SqlValue } from '../types.ts';

// What property tests draw: types, values, schemas, batches.

export const allTypes: readonly SqlType[] = [
  types.boolean,
  types.int2,
  types.int4,
  types.int8,
  types.float4,
  types.float8,
  types.numeric(38, 6),
  types.numeric(5, 0),
  types.text,
  types.bytea,
  types.date,
  types.timestamp,
  types.timestamptz,
  types.interval,
];

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const years200Micros = 200n * 366n * 86_400_000_000n;

export function arbitraryValue(type: SqlType): fc.Arbitrary<SqlValue> {
  switch (type.kind) {
    case 'boolean':
      return fc.boolean();
    case 'int2':
      return fc.integer({ min: -32_768, max: 32_767 });
    case 'int4':
      return fc.integer();
    case 'int8':
      return int64;
    case 'float4':
      return fc.float();
    case 'float8':
      return fc.double();
    case 'numeric': {
      const limit = 10n ** BigInt(type.precision) - 1n;
      return fc.oneof(fc.bigInt({ min: -limit, max: limit }), fc.bigInt({ min: -9n, max: 9n }));
    }
    case 'text':
      return fc.oneof(fc.string({ maxLength: 8 }), fc.string({ unit: 'binary', maxLength: 40 }));
    case 'bytea':
      return fc.uint8Array({ maxLength: 40 });
    case 'date':
      return fc.integer({ min: -2_000_000, max: 100_000_000 });
    case 'timestamp':
    case 'timestamptz':
      return fc.bigInt({ min: -(2n ** 57n), max: 2n ** 62n });
    case 'interval':
      return fc.record({
        months: fc.integer({ min: -5_000, max: 5_000 }),
        days: fc.integer({ min: -50_000, max: 50_000 }),
        micros: fc.bigInt({ min: -years200Micros, max: years200Micros }),
      });
  }
}

const schemas: fc.Arbitrary<Schema> = fc
  .array(fc.constantFrom(...allTypes), { maxLength: 5 })
  .map((chosen) => ({ fields: chosen.map((type, index) => ({ name: `c${index}`, type })) }));

export function rowsOf(schema: Schema, constraints: fc.ArrayConstraints = {}): fc.Arbitrary<(SqlValue | null)[][]> {
  const cells = schema.fields.map(({ type }) => fc.option(arbitraryValue(type), { nil: null, freq: 4 }));
  return fc.array(fc.tuple(...cells), { maxLength: 40, ...constraints });
}

/** Up to 5 columns and 40 rows, a quarter of the cells NULL. */
export const batches: fc.Arbitrary<Batch> = schemas.chain(batchOf);

export function batchOf(schema: Schema): fc.Arbitrary<Batch> {
  return rowsOf(schema).map((rows) => batchFromRows(schema, rows));
}
