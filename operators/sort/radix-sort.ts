const digitBits = 11;
const digitCount = 1 << digitBits;
const digitMask = digitCount - 1;

/** Sorts `prefixes` ascending, and `rows` along with them; least significant digit first, so it is stable. */
export function radixSort(prefixes: Uint32Array, rows: Int32Array): void {
  let [keys, values] = [prefixes, rows];
  let [otherKeys, otherValues] = [new Uint32Array(keys.length), new Int32Array(rows.length)];
  for (let shift = 0; shift < 32; shift += digitBits) {
    const starts = digitStarts(keys, shift);
    if (starts === null) continue;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as number;
      const digit = (key >>> shift) & digitMask;
      const to = starts[digit] as number;
      starts[digit] = to + 1;
      otherKeys[to] = key;
      otherValues[to] = values[i] as number;
    }
    [keys, otherKeys] = [otherKeys, keys as Uint32Array<ArrayBuffer>];
    [values, otherValues] = [otherValues, values as Int32Array<ArrayBuffer>];
  }
  if (keys === prefixes) return;
  prefixes.set(keys);
  rows.set(values);
}

/** Where each digit's keys begin; `null` when all keys have the same digit. */
function digitStarts(keys: Uint32Array, shift: number): Int32Array | null {
  const starts = new Int32Array(digitCount);
  for (let i = 0; i < keys.length; i++) {
    const digit = ((keys[i] as number) >>> shift) & digitMask;
    starts[digit] = (starts[digit] as number) + 1;
  }
  let total = 0;
  for (let digit = 0; digit < digitCount; digit++) {
    const count = starts[digit] as number;
    if (count === keys.length) return null;
    starts[digit] = total;
    total += count;
  }
  return starts;
}
