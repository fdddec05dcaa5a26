import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Batch } from './batch.ts';
import { batchFromRows, batchToRows, columnOf } from './build.ts';
import { decodeBatch, encodeBatch, encodedRowsMax } from './codec.ts';
import { QueryError } from './error.ts';
import { sliceBatch } from './slice.ts';
import { types } from './sql-types.ts';
import { batches } from './testing/arbitraries.ts';
import type { Schema } from './types.ts';

/** Reads every cell; what decoding accepts must be readable. */
function readAll(batch: Batch): void {
  if (batch.columns.length > 0) batchToRows(batch);
}

/** Decodes what may be damaged: a batch or a protocol error, nothing else. */
function decodeOrRefuse(schema: Schema, bytes: Uint8Array): Batch | null {
  try {
    const batch = decodeBatch(schema, bytes);
    readAll(batch);
    return batch;
  } catch (error) {
    expect(error).toBeInstanceOf(QueryError);
    expect((error as QueryError).code).toBe('protocol');
    return null;
  }
}

describe('round trip', () => {
  test('of whole batches and of slices, aligned and not', () => {
    fc.assert(
      fc.property(batches, fc.nat(40), fc.nat(40), fc.nat(9), (batch, a, b, shift) => {
        const [start, end] = [Math.min(a, b, batch.numRows), Math.min(Math.max(a, b), batch.numRows)];
        const slice = sliceBatch(batch, start, end);
        const bytes = encodeBatch(slice);
        expect(bytes.length % 8).toBe(0);
        const moved = new Uint8Array(bytes.length + shift);
        moved.set(bytes, shift);
        const decoded = decodeBatch(batch.schema, moved.subarray(shift));
        expect(decoded.numRows).toBe(end - start);
        expect(batchToRows(decoded)).toEqual(batchToRows(slice));
        expect(encodeBatch(decoded)).toEqual(bytes);
      }),
    );
  });

  test('is without copy when aligned', () => {
    const schema = {
      fields: [
        { name: 'a', type: types.int8 },
        { name: 't', type: types.text },
      ],
    };
    const bytes = encodeBatch(
      batchFromRows(schema, [
        [1n, 'x'],
        [2n, 'y'],
      ]),
    );
    for (const column of decodeBatch(schema, bytes).columns) expect(column.values.buffer).toBe(bytes.buffer);
  });

  test('drops a validity that says nothing, and starts offsets at 0', () => {
    const schema = { fields: [{ name: 't', type: types.text }] };
    const batch = sliceBatch(batchFromRows(schema, [[null], ['ab'], ['cd']]), 1, 3);
    const [column] = decodeBatch(schema, encodeBatch(batch)).columns;
    expect(column?.validity).toBeNull();
    expect(column?.offsets).toEqual(Int32Array.of(0, 2, 4));
  });

  test('of rows without columns', () => {
    const bytes = encodeBatch({ schema: { fields: [] }, numRows: 5, columns: [] });
    expect(decodeBatch({ fields: [] }, bytes).numRows).toBe(5);
  });

  test('refuses to send more rows than anyone accepts', () => {
    expect(() => encodeBatch({ schema: { fields: [] }, numRows: encodedRowsMax + 1, columns: [] })).toThrow();
  });
});

describe('damage', () => {
  test('every truncation is refused', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const bytes = encodeBatch(batch);
        for (let length = 0; length < bytes.length; length++) {
          expect(decodeOrRefuse(batch.schema, bytes.slice(0, length))).toBeNull();
        }
        expect(decodeOrRefuse(batch.schema, Uint8Array.of(...bytes, 0, 0, 0, 0, 0, 0, 0, 0))).toBeNull();
      }),
      { numRuns: 50 },
    );
  });

  test('a flipped bit is refused or changes what is read', () => {
    fc.assert(
      fc.property(batches, fc.nat(), (batch, pick) => {
        const bytes = encodeBatch(batch);
        const bit = pick % (bytes.length * 8);
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        const decoded = decodeOrRefuse(batch.schema, bytes);
        // Nothing is silently ignored: what was accepted encodes to the damaged bytes (or drops a full validity).
        if (decoded?.columns.every(({ validity }) => validity === null)) {
          expect(encodeBatch(decoded)).toEqual(bytes);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('random bytes behind a good beginning are refused', () => {
    fc.assert(
      fc.property(batches, fc.uint8Array({ maxLength: 200 }), fc.nat(60), (batch, noise, keep) => {
        const bytes = encodeBatch(batch).slice(0, keep);
        decodeOrRefuse(batch.schema, Uint8Array.of(...bytes, ...noise));
        decodeOrRefuse(batch.schema, noise);
      }),
      { numRuns: 500 },
    );
  });

  test('claims beyond the bytes allocate nothing', () => {
    const schema = { fields: [{ name: 'a', type: types.int8 }] };
    const claim = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);
    const magic = new Uint32Array(encodeBatch({ schema: { fields: [] }, numRows: 0, columns: [] }).buffer)[0] as number;
    expect(() => decodeBatch(schema, claim(magic, encodedRowsMax, 0, encodedRowsMax * 8))).toThrow(
      'a buffer beyond the end',
    );
    expect(() => decodeBatch(schema, claim(magic, 1, 0, 0xffff_ffff))).toThrow('another length');
    expect(() => decodeBatch(schema, claim(magic, 1, 2, 8))).toThrow('unknown validity');
    expect(() => decodeBatch({ fields: [] }, claim(magic, encodedRowsMax + 1))).toThrow('too many rows');
    expect(() => decodeBatch({ fields: [] }, claim(magic + 1, 0))).toThrow('does not begin like a batch');
  });

  test('offsets that leave the text are refused', () => {
    const schema = { fields: [{ name: 't', type: types.text }] };
    const encoded = encodeBatch({ schema, numRows: 2, columns: [columnOf(types.text, ['abc', 'de'])] });
    const withOffsets = (...offsets: number[]): Uint8Array => {
      const bytes = encoded.slice();
      new Int32Array(bytes.buffer, 16, 3).set(offsets);
      return bytes;
    };
    expect(batchToRows(decodeBatch(schema, withOffsets(0, 1, 5)))).toEqual([['a'], ['bcde']]);
    expect(() => decodeBatch(schema, withOffsets(0, 6, 5))).toThrow('offsets that decrease');
    expect(() => decodeBatch(schema, withOffsets(0, -1, 5))).toThrow('offsets that decrease');
    expect(() => decodeBatch(schema, withOffsets(1, 3, 5))).toThrow('begin at 0');
    expect(() => decodeBatch(schema, withOffsets(0, 3, 4))).toThrow('end with the values');
    expect(() => decodeBatch(schema, withOffsets(0, 3, 9))).toThrow('end with the values');
  });
});
