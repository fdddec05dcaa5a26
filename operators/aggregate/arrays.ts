// Arrays by group number, whose capacity doubles; and what output columns are made of.

export function grownFloats(array: Float64Array, length: number): Float64Array {
  if (length <= array.length) return array;
  const grown = new Float64Array(Math.max(length, 2 * array.length));
  grown.set(array);
  return grown;
}

/** One byte a group: whether it has seen a value. */
export function grownFlags(array: Uint8Array, length: number): Uint8Array {
  if (length <= array.length) return array;
  const grown = new Uint8Array(Math.max(length, 2 * array.length));
  grown.set(array);
  return grown;
}

/** Validity of the first `length` groups: those that have seen a value; `null` when all have. */
export function validityOf(seen: Uint8Array, length: number): Uint8Array | null {
  const bits = new Uint8Array((length + 7) >> 3);
  let valid = 0;
  for (let group = 0; group < length; group++) {
    if (seen[group] === 0) continue;
    bits[group >> 3] = (bits[group >> 3] as number) | (1 << (group & 7));
    valid++;
  }
  return valid === length ? null : bits;
}

/** The same memory as 32-bit words, low word first. */
export function wordsOf(values: ArrayBufferView): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.byteLength >> 2);
}
