import { expect, test } from 'vitest';
import type { Contact, Key } from '../overlay.ts';
import { Entrance, type Standing } from './entrance.ts';

const [a, b, c] = ['a', 'b', 'c'].map((digit) => ({ id: digit.repeat(40), address: `${digit}:1` })) as [
  Contact,
  Contact,
  Contact,
];

/** An entrance, and what it did; whoever has no standing is a leaf. */
function entrance(): { entrance: Entrance; pinged: Key[]; standings: Map<Key, Standing>; done: () => number } {
  const pinged: Key[] = [];
  const standings = new Map<Key, Standing>();
  let done = 0;
  const output = {
    standing: (id: Key) => standings.get(id) ?? 'leaf',
    ping: (id: Key) => {
      pinged.push(id);
    },
    done: () => {
      done += 1;
    },
  };
  return { entrance: new Entrance(2, output), pinged, standings, done: () => done };
}

test('a node that begins a ring waits for nobody', () => {
  const { entrance: alone, done } = entrance();
  expect(alone.isDone).toBe(false);
  alone.begin([]);
  expect([alone.isDone, done()]).toEqual([true, 1]);
});

test('all who were there are asked until they have settled', () => {
  const { entrance: entering, pinged, done } = entrance();
  entering.begin([a, b]);
  entering.settled(a.id);
  entering.remind();
  expect(pinged).toEqual([a.id, b.id, b.id]);
  expect([entering.isDone, done()]).toEqual([false, 0]);
  entering.settled(b.id);
  expect([entering.isDone, done()]).toEqual([true, 1]);
});

test('whoever is named meanwhile is waited for, and asked once it has answered', () => {
  const { entrance: entering, pinged, standings } = entrance();
  entering.begin([a]);
  standings.set(c.id, 'unheard');
  entering.named(c.id);
  entering.settled(a.id);
  entering.remind();
  expect(pinged).toEqual([a.id]);
  expect(entering.isDone).toBe(false);
  entering.met(c.id);
  expect(pinged).toEqual([a.id, c.id]);
  entering.settled(c.id);
  expect(entering.isDone).toBe(true);
});

test('who is no neighbour any more, or was never reached, is waited for no longer', () => {
  const { entrance: entering, standings, done } = entrance();
  entering.begin([a, b]);
  entering.settled(b.id);
  standings.set(a.id, 'other');
  entering.remind();
  expect([entering.isDone, done()]).toEqual([true, 1]);
});

test('only so many names are waited for, however many one is told', () => {
  const { entrance: entering } = entrance();
  entering.begin([a]);
  for (const digit of 'bcdef') entering.named(digit.repeat(40));
  for (const id of [a.id, b.id, c.id]) entering.settled(id);
  expect(entering.isDone).toBe(true);
});

test('after that, newcomers have to see to themselves', () => {
  const { entrance: entered, pinged, done } = entrance();
  entered.begin([]);
  entered.named(c.id);
  entered.met(c.id);
  entered.settled(c.id);
  expect([entered.isDone, done(), pinged.length]).toEqual([true, 1, 0]);
});
