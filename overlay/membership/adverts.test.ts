import { expect, test } from 'vitest';
import type { Advert } from '../advert.ts';
import { keyOf } from '../keys.ts';
import type { PingMessage } from '../messages.ts';
import type { Contact } from '../overlay.ts';
import { RegionSet } from '../region.ts';
import { advertOf } from '../testing/adverts.ts';
import { Adverts } from './adverts.ts';

const retryMs = 1_000;
const region = (from: string, to: string): RegionSet => new RegionSet([{ from: keyOf(from), to: keyOf(to) }]);

/** One end, with what it was told last. */
class End {
  readonly contact: Contact;
  readonly alone: readonly Contact[];
  held = new RegionSet();
  readonly heard: Advert[] = [];
  readonly adverts = new Adverts({
    current: () => advertOf(this.held),
    advertised: (_from, advert) => this.heard.push(advert),
  });

  constructor(name: string) {
    this.contact = { id: keyOf(name), address: `${name}:1` };
    this.alone = [this.contact];
  }

  /** Whether another end, as the only neighbour, does not know the advert and is to be told. */
  isUnaware(of: End, waitMs: number, nowMs: number): boolean {
    const [first, again] = [0, 1].map(() => this.adverts.unaware(of.alone, waitMs, nowMs));
    expect(again).toEqual(first);
    return first?.length === 1;
  }

  /** A ping to another end; returns whether it carried an advert. */
  ping(to: End, nowMs: number, { isNeighbour = true, isLost = false } = {}): boolean {
    const said = this.adverts.compose(to.contact.id, isNeighbour, nowMs);
    const message: PingMessage = {
      type: 'ping',
      stamp: 0,
      asks: false,
      view: null,
      entry: null,
      census: null,
      contacts: [],
      ...said,
    };
    if (!isLost) to.adverts.received(this.contact, message, isNeighbour, nowMs);
    return said.advert !== null;
  }
}

test('an advert is told until its number comes back, and again when it changed', () => {
  const [a, b] = [new End('a'), new End('b')];
  a.held = region('x', 'y');
  expect(a.ping(b, 0)).toBe(true);
  expect(a.ping(b, 0)).toBe(true); // Nothing came back yet.
  expect(b.heard.at(-1)?.held.equals(a.held)).toBe(true);
  b.ping(a, 10);
  expect(a.ping(b, 20)).toBe(false);
  a.held = region('x', 'z');
  a.adverts.refresh();
  expect(a.isUnaware(b, 0, 30)).toBe(true);
  expect(a.ping(b, 30)).toBe(true);
  expect(b.heard.at(-1)?.held.equals(a.held)).toBe(true);
});

test('a lost advert is told again after a while, one who has it is not bothered', () => {
  const [a, b] = [new End('a'), new End('b')];
  a.ping(b, 0, { isLost: true });
  expect(a.isUnaware(b, retryMs, 500)).toBe(false);
  expect(a.isUnaware(b, retryMs, 1_000)).toBe(true);
  a.ping(b, 1_000);
  b.ping(a, 1_010);
  expect(a.isUnaware(b, retryMs, 9_000)).toBe(false);
});

test('who forgot an advert is told it anew; who is no neighbour only when it asks', () => {
  const [a, b] = [new End('a'), new End('b')];
  expect(a.ping(b, 0, { isNeighbour: false })).toBe(false);
  a.ping(b, 0);
  b.ping(a, 0);
  expect(a.ping(b, 0)).toBe(false);
  b.adverts.forget(a.contact.id);
  b.ping(a, 0);
  expect(a.ping(b, 0)).toBe(true);
});

test('what one who is no neighbour said holds as long as it is heard', () => {
  const [a, b] = [new End('a'), new End('b')];
  a.ping(b, 0);
  expect(b.heard).toHaveLength(1);
  a.ping(b, 50_000, { isNeighbour: false });
  expect(b.heard).toHaveLength(2);
  b.adverts.forgetSilent(49_000, () => false);
  a.ping(b, 60_000, { isNeighbour: false });
  b.adverts.forgetSilent(70_000, () => false);
  a.ping(b, 80_000, { isNeighbour: false });
  expect(b.heard).toHaveLength(3);
});
