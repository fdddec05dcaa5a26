/** Rows in a batch that an operator makes itself; batches that merely pass through keep their size. */
export const outputRowsMax = 16_384;

/** `0, 1, … length - 1` starting at `first`: the rows of a slice, for gathering. */
export function rowRange(first: number, length: number): Int32Array {
  const rows = new Int32Array(length);
  for (let i = 0; i < length; i++) rows[i] = first + i;
  return rows;
}
