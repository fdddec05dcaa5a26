import sortedBtree from 'sorted-btree';

/** A map in the order of its keys: a B+ tree, so that everything but going through all of it takes logarithmic time. */
// The package is CommonJS: its class is a property of what an ES module imports by default.
export class SortedMap<K extends string | number, V> extends sortedBtree.default<K, V> {
  constructor() {
    super(undefined, (a: K, b: K) => (a < b ? -1 : a > b ? 1 : 0));
  }
}
