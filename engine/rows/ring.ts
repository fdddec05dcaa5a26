import type { Key, Region } from '../../overlay/index.ts';

export type { Key, Region };

/** Bytes of a ring key. */
export const keyBytes = 20;

/** With more regions than this, those that can hold a key are looked up by its first byte. */
const scannedRegionsMax = 4;

interface Bounds {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly wraps: boolean;
}

/** Tells which packed keys lie in any of some regions: nearly always by their first four bytes alone. */
export class RegionFilter {
  /** Everything passes. */
  readonly isWhole: boolean;
  readonly #regions: readonly Bounds[];
  /** By first byte; null when there are few regions. */
  readonly #byFirstByte: readonly (readonly Bounds[])[] | null;

  constructor(regions: readonly Region[]) {
    this.isWhole = regions.some(({ from, to }) => from === to);
    this.#regions = regions.map(({ from, to }) => ({
      from: Uint8Array.from(Buffer.from(from, 'hex')),
      to: Uint8Array.from(Buffer.from(to, 'hex')),
      wraps: from >= to,
    }));
    this.#byFirstByte =
      this.#regions.length > scannedRegionsMax
        ? Array.from({ length: 256 }, (_, byte) => this.#regions.filter((bounds) => mayHold(bounds, byte)))
        : null;
  }

  /** Whether the key at position `row` of `keys` passes. */
  has(keys: Uint8Array, row: number): boolean {
    if (this.isWhole) return true;
    const candidates = this.#byFirstByte?.[keys[row * keyBytes] as number] ?? this.#regions;
    for (const { from, to, wraps } of candidates) {
      const afterFrom = !isBefore(keys, row, from);
      if (wraps ? afterFrom || isBefore(keys, row, to) : afterFrom && isBefore(keys, row, to)) return true;
    }
    return false;
  }
}

/** Whether a region can hold a key with this first byte. */
function mayHold({ from, to, wraps }: Bounds, byte: number): boolean {
  const afterFrom = byte >= (from[0] as number);
  const beforeTo = byte <= (to[0] as number);
  return wraps ? afterFrom || beforeTo : afterFrom && beforeTo;
}

function isBefore(keys: Uint8Array, row: number, bound: Uint8Array): boolean {
  const start = row * keyBytes;
  for (let i = 0; i < keyBytes; i++) {
    const difference = (keys[start + i] as number) - (bound[i] as number);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
