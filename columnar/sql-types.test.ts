import { expect, test } from 'vitest';
import { isSqlType, types } from './sql-types.ts';

test('a type from the wire is recognised only if it is exactly one of ours', () => {
  for (const type of [types.text, types.int8, types.numeric(10, 2)])
    expect(isSqlType(structuredClone(type))).toBe(true);
  const others = [null, 'text', {}, { kind: 'toString' }, { kind: 'text', length: 3 }, { kind: 'numeric' }];
  const numerics = [
    [0, 0],
    [39, 0],
    [3, 4],
    [3, -1],
    [1.5, 0],
  ].map(([precision, scale]) => ({ kind: 'numeric', precision, scale }));
  for (const other of [...others, ...numerics]) expect(isSqlType(other)).toBe(false);
});
