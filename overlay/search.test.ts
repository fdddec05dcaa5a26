import { beforeEach, expect, test } from 'vitest';
import { clockwise, keyAt, pointOf } from './keys.ts';
import type { Contact, Key } from './overlay.ts';
import { Search } from './search.ts';

// The distance is that of a plain ring: steps clockwise to the key, which is 1000.

const options = { lookupParallelMax: 2, lookupQuestionsMax: 6 };
const at = (point: number): Contact => ({ id: keyAt(BigInt(point)), address: `n${point}:1` });
const distance = (id: Key): bigint => clockwise(pointOf(id), 1_000n);
const suspects = new Set<Key>();
const ground = { distance, isSuspect: (id: Key) => suspects.has(id) };
const searchFrom = (...hops: number[]): Search => new Search(options, at(0).id, hops.map(at), ground);
const naming = (...points: number[]) => ({ isOwner: false, isHeir: false, nearer: points.map(at) });
const inherited = (...points: number[]) => ({ ...naming(...points), isHeir: true });

beforeEach(() => suspects.clear());

test('asks one at a time, and each member once, until the owner answers', () => {
  const search = searchFrom(500, 400, 300);
  expect([search.next(), search.next()]).toEqual([at(500), null]);
  search.answered(at(500), naming(900, 500, 800));
  expect([search.next(), search.next()]).toEqual([at(900), null]);
  search.answered(at(900), { isOwner: true, isHeir: false, nearer: [] });
  expect(search.owner).toEqual(at(900));
  expect(search.next()).toBeNull();
});

test('each wait for an answer allows one more question, as long as not too many are in time', () => {
  const search = searchFrom(500, 400, 300, 200, 100);
  expect(search.next()).toEqual(at(500));
  search.waited(at(500).id);
  expect([search.next(), search.next()]).toEqual([at(400), null]);
  search.waited(at(500).id);
  expect([search.next(), search.next()]).toEqual([at(300), null]);
  search.waited(at(500).id);
  expect(search.next()).toBeNull();
  search.answered(at(300), null);
  expect([search.next(), search.next()]).toEqual([at(200), null]);
});

test('what leads nearer is asked at once, though others are late; what does not, waits', () => {
  const search = searchFrom(500, 400, 300);
  search.next();
  search.waited(at(500).id);
  expect(search.next()).toEqual(at(400));
  search.answered(at(400), naming(900));
  expect(search.next()).toEqual(at(900));
  search.answered(at(900), naming(950));
  expect(search.next()).toEqual(at(950));
  search.answered(at(950), naming(0));
  expect(search.next()).toBeNull();
  search.waited(at(500).id);
  expect([search.next(), search.next()]).toEqual([at(300), null]);
});

test('what waiting allowed is forgotten once nothing is late', () => {
  const search = searchFrom(500);
  search.next();
  search.waited(at(500).id);
  search.waited(at(500).id);
  expect(search.next()).toBeNull();
  expect([search.hasWaited, search.haveNotAnswered([at(500)])]).toEqual([true, true]);
  search.answered(at(500), naming(900, 800));
  expect([search.hasWaited, search.haveNotAnswered([at(500)])]).toEqual([false, false]);
  expect([search.next(), search.next()]).toEqual([at(900), null]);
});

test('ends when nobody is left', () => {
  const search = searchFrom(500);
  search.next();
  expect([search.next(), search.isWaiting]).toEqual([null, true]);
  search.answered(at(500), naming(0, 500));
  expect([search.next(), search.isWaiting, search.owner]).toEqual([null, false, null]);
});

test('the advice of the nearest is followed first, whoever answers last', () => {
  const search = searchFrom(900, 100);
  search.next();
  search.waited(at(900).id);
  search.next();
  search.answered(at(900), naming(950));
  search.answered(at(100), naming(999, 998));
  search.waited(at(900).id);
  expect(search.next()).toEqual(at(950));
  search.waited(at(950).id);
  expect(search.next()).toEqual(at(999));
});

test('of those who lead no nearer than their author one is asked: the owner may stand past the key', () => {
  const search = searchFrom(500);
  search.next();
  search.answered(at(500), naming(1_001, 499, 1_002, 600, 1_003));
  expect(search.next()).toEqual(at(1_001));
  search.answered(at(1_001), null);
  expect(search.next()).toEqual(at(600));
  search.answered(at(600), null);
  expect(search.next()).toBeNull();
});

test('invented members are asked up to a limit', () => {
  const search = searchFrom(10);
  let asked = 0;
  for (let next = search.next(); next; next = search.next()) {
    asked += 1;
    search.answered(next, naming(10 + asked, 20 + asked));
  }
  expect(asked).toBe(options.lookupQuestionsMax);
  expect(search.isWaiting).toBe(false);
});

test('an owner that is silent to all who know it is replaced by its heir, who is asked again until that is so', () => {
  const search = searchFrom(900);
  search.next();
  search.answered(at(900), naming(990));
  expect(search.next()).toEqual(at(990));
  search.waited(at(990).id);
  expect(search.next()).toBeNull();
  search.waited(at(990).id);
  expect(search.next()).toEqual(at(900));
  search.answered(at(900), naming(990));
  expect(search.next()).toBeNull();
  search.waited(at(990).id);
  expect([search.next(), search.next()]).toEqual([at(900), null]);
  search.answered(at(900), inherited(990));
  expect(search.owner).toEqual(at(900));
});

test('a member that others found silent, too, needs no second wait', () => {
  const search = searchFrom(900);
  search.next();
  search.answered(at(900), naming(990));
  search.next();
  suspects.add(at(990).id);
  search.waited(at(990).id);
  expect(search.next()).toEqual(at(900));
});

test('nobody inherits from a member that is silent to the heir only', () => {
  const search = searchFrom(900);
  search.next();
  search.answered(at(900), inherited(990));
  expect([search.owner, search.next()]).toEqual([null, at(990)]);
  search.answered(at(990), { isOwner: true, isHeir: false, nearer: [] });
  expect(search.owner).toEqual(at(990));
});
