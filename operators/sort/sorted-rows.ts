import type { Column } from '../../columnar/index.ts';
import { rowRange } from '../rows.ts';
import { prefixDecides, sortPrefixes } from './prefix.ts';
import { radixSort } from './radix-sort.ts';
import { type KeyOrder, rowOrder } from './row-order.ts';

/** Fewer rows are sorted faster by comparing. */
const radixRowsMin = 1_024;

/**
 * Row numbers in the order of the keys. Many rows are first put in order by 32 bits of their first key, which
 * takes no comparisons; only rows that agree in those are then compared.
 */
export function sortedRows(keys: readonly KeyOrder[], columns: readonly Column[], numRows: number): Int32Array {
  const rows = rowRange(0, numRows);
  const sort = rowOrder(keys).sorter(columns);
  const [firstKey] = keys;
  const [firstColumn] = columns;
  if (numRows < radixRowsMin || firstKey === undefined || firstColumn === undefined) {
    sort(rows);
    return rows;
  }
  const prefixes = sortPrefixes(firstColumn, numRows, firstKey);
  radixSort(prefixes, rows);
  if (keys.length === 1 && prefixDecides(firstColumn)) return rows;
  for (let start = 0; start < numRows; ) {
    let end = start + 1;
    while (end < numRows && prefixes[end] === prefixes[start]) end++;
    if (end - start > 1) sort(rows.subarray(start, end));
    start = end;
  }
  return rows;
}
