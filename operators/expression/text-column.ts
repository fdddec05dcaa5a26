import { type Column, QueryError } from '../../columnar/index.ts';

export interface TextCells {
  readonly values: Uint8Array;
  readonly offsets: Int32Array;
}

/**
 * Reads a text column's cells as strings. The whole column is decoded at once; while that gives as many
 * UTF-16 units as there are bytes, byte offsets are string offsets.
 */
export function textReader(column: Column): (row: number) => string {
  const offsets = column.offsets as Int32Array;
  const values = column.values as Uint8Array;
  const first = offsets[0] as number;
  const bytes = Buffer.from(values.buffer, values.byteOffset + first, (offsets[column.length] as number) - first);
  const all = bytes.toString('utf8');
  if (all.length === bytes.length) {
    return (row) => all.substring((offsets[row] as number) - first, (offsets[row + 1] as number) - first);
  }
  return (row) => bytes.toString('utf8', (offsets[row] as number) - first, (offsets[row + 1] as number) - first);
}

const encoder = new TextEncoder();

/** UTF-16 units in one computed column of a batch; V8's longest string is a little over this. */
const columnLengthMax = 2 ** 28;

function joined(strings: readonly string[]): string {
  let length = 0;
  for (let i = 0; i < strings.length; i++) length += (strings[i] as string).length;
  if (length > columnLengthMax) throw new QueryError('outOfMemory', 'a computed column of text is too long');
  return strings.join('');
}

/** Bytes and offsets of a text column of these strings. */
export function encodeStrings(strings: readonly string[]): TextCells {
  const offsets = new Int32Array(strings.length + 1);
  const all = joined(strings);
  const values = encoder.encode(all);
  const ascii = values.length === all.length;
  let end = 0;
  for (let i = 0; i < strings.length; i++) {
    const cell = strings[i] as string;
    end += ascii ? cell.length : Buffer.byteLength(cell, 'utf8');
    offsets[i + 1] = end;
  }
  return { values, offsets };
}

/** Bytes and offsets of a bytea column; `null` stands for a NULL, which has no bytes. */
export function encodeBytes(cells: readonly (Uint8Array | null)[]): TextCells {
  const offsets = new Int32Array(cells.length + 1);
  let end = 0;
  for (let i = 0; i < cells.length; i++) {
    end += cells[i]?.length ?? 0;
    offsets[i + 1] = end;
  }
  const values = new Uint8Array(end);
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i];
    if (cell != null) values.set(cell, offsets[i]);
  }
  return { values, offsets };
}

/** Whether bytes `start..end` are exactly `literal`. */
export function bytesAre(values: Uint8Array, start: number, end: number, literal: Uint8Array): boolean {
  if (end - start !== literal.length) return false;
  for (let i = 0; i < literal.length; i++) if (values[start + i] !== literal[i]) return false;
  return true;
}

/** Order of bytes `startA..endA` of `a` and `startB..endB` of `b`: negative, 0 or positive. */
export function compareByteRanges(
  a: Uint8Array,
  startA: number,
  endA: number,
  b: Uint8Array,
  startB: number,
  endB: number,
): number {
  const shared = Math.min(endA - startA, endB - startB);
  for (let i = 0; i < shared; i++) {
    const difference = (a[startA + i] as number) - (b[startB + i] as number);
    if (difference !== 0) return difference;
  }
  return endA - startA - (endB - startB);
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return compareByteRanges(a, 0, a.length, b, 0, b.length);
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return bytesAre(a, 0, a.length, b);
}

/**
 * Order of two strings by their UTF-8 bytes, which is the order of code points. UTF-16 units agree with it
 * except that surrogates sort below U+E000..U+FFFF; they are moved above before comparing.
 */
export function compareText(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return rank(unitA) - rank(unitB);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
