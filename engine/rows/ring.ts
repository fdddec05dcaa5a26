import type { Key, Region } from '../../overlay/index.ts';

export type { Key, Region };

/** Bytes of a ring key. */
export const keyBytes = 20;

/** Tells which packed keys lie in any of some regions: nearly always by their first four bytes alone. */
export class RegionFilter {
  /** Everything passes. */
  readonly isWhole: boolean;
  readonly #regions: readonly { readonly from: Uint8Array; readonly to: Uint8Array; readonly wraps: boolean }[];

  constructor(regions: readonly Region[]) {
    this.isWhole = regions.some(({ from, to }) => from === to);
    this.#regions = regions.map(({ from, to }) => ({
      from: Uint8Array.from(Buffer.from(from, 'hex')),
      to: Uint8Array.from(Buffer.from(to, 'hex')),
      wraps: from >= to,
    }));
  }

  /** Whether the key at position `row` of `keys` passes. */
  has(keys: Uint8Array, row: number): boolean {
    if (this.isWhole) return true;
    for (const { from, to, wraps } of this.#regions) {
      const afterFrom = !isBefore(keys, row, from);
      if (wraps ? afterFrom || isBefore(keys, row, to) : afterFrom && isBefore(keys, row, to)) return true;
    }
    return false;
  }
}

function isBefore(keys: Uint8Array, row: number, bound: Uint8Array): boolean {
  const start = row * keyBytes;
  for (let i = 0; i < keyBytes; i++) {
    const difference = (keys[start + i] as number) - (bound[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
