import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DigestTree } from './digest-tree.ts';
import { inRegion, keyAt, keyOf } from './keys.ts';
import type { Digest, Key, Region } from './overlay.ts';
import { wholeRing } from './region.ts';

interface Item {
  readonly key: Key;
  readonly low: number;
  readonly high: number;
}

function add(tree: DigestTree, { key, low, high }: Item): void {
  tree.add(Buffer.from(key, 'hex'), 0, low, high);
}

function remove(tree: DigestTree, { key, low, high }: Item): void {
  tree.remove(Buffer.from(key, 'hex'), 0, low, high);
}

/** The slow and plain way. */
function digestOf(items: readonly Item[], region: Region): Digest {
  const inside = items.filter(({ key }) => inRegion(key, region));
  const hash = inside.reduce((sum, { low, high }) => sum + ((BigInt(high) << 32n) | BigInt(low)), 0n);
  return { items: inside.length, hash: BigInt.asUintN(64, hash) };
}

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
/** Keys all over the ring, in clusters that share nearly all their bits, and the same ones again. */
const key = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 160n) - 1n }),
  fc.integer({ min: 0, max: 200 }).map(BigInt),
  fc.integer({ min: 0, max: 200 }).map((n) => (1n << 160n) - 1n - BigInt(n)),
  fc.integer({ min: 0, max: 200 }).map((n) => (7n << 157n) + (BigInt(n) << 60n)),
);
const item: fc.Arbitrary<Item> = fc.record({ key: key.map(keyAt), low: word, high: word });
const region: fc.Arbitrary<Region> = fc.oneof(
  fc.record({ from: key.map(keyAt), to: key.map(keyAt) }),
  fc.constant(wholeRing),
);

describe('a tree of digests', () => {
  test('gives the digest of any region, whatever was added and removed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(item, fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 600 }),
        fc.array(region, { minLength: 1, maxLength: 8 }),
        (steps, regions) => {
          const tree = new DigestTree();
          const items: Item[] = [];
          for (const [one, chance] of steps) {
            if (chance < 0.3 && items.length > 0) {
              const [gone] = items.splice(Math.floor((chance / 0.3) * items.length) % items.length, 1);
              remove(tree, gone as Item);
            } else {
              items.push(one);
              add(tree, one);
            }
          }
          tree.checkInvariants();
          expect(tree.items).toBe(items.length);
          const edges = items.slice(0, 4).map(({ key: from }) => ({ from, to: (items.at(-1) as Item).key }));
          for (const part of [...regions, ...edges]) expect(tree.digest(part)).toEqual(digestOf(items, part));
          while (items.length > 0) remove(tree, items.pop() as Item);
          tree.checkInvariants();
          expect(tree.digest(wholeRing)).toEqual({ items: 0, hash: 0n });
        },
      ),
      { numRuns: 200 },
    );
  });

  test('the order of what was added and removed does not show', () => {
    fc.assert(
      fc.property(
        fc.array(item, { maxLength: 200 }),
        fc.array(item, { maxLength: 100 }),
        region,
        (kept, gone, part) => {
          const [one, other] = [new DigestTree(), new DigestTree()];
          for (const each of kept) add(one, each);
          for (const each of [...gone, ...kept.toReversed()]) add(other, each);
          for (const each of gone) remove(other, each);
          other.checkInvariants();
          expect(other.digest(part)).toEqual(one.digest(part));
        },
      ),
      { numRuns: 100 },
    );
  });

  test('many items, all the same key among them', () => {
    const tree = new DigestTree();
    const items = Array.from(
      { length: 50_000 },
      (_, i): Item => ({ key: keyOf(`${i % 40_000}`), low: i, high: ~i >>> 0 }),
    );
    for (const each of items) add(tree, each);
    const crowd = Array.from({ length: 10_000 }, (_, i): Item => ({ key: keyOf('crowd'), low: i, high: i }));
    for (const each of crowd) add(tree, each);
    tree.checkInvariants();
    const part = { from: keyOf('a'), to: keyOf('b') };
    expect(tree.digest(part)).toEqual(digestOf([...items, ...crowd], part));
    for (const each of items) remove(tree, each);
    tree.checkInvariants();
    expect(tree.digest(wholeRing)).toEqual(digestOf(crowd, wholeRing));
  });

  test('what never was added cannot be removed', () => {
    const tree = new DigestTree();
    expect(() => remove(tree, { key: keyOf('a'), low: 1, high: 2 })).toThrow('only what was added');
    add(tree, { key: keyOf('b'), low: 1, high: 2 });
    expect(() => remove(tree, { key: keyOf('a'), low: 1, high: 2 })).toThrow('only what was added');
  });
});
