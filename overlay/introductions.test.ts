import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Introductions } from './introductions.ts';
import { keyOf } from './keys.ts';
import { type Header, nameOf } from './messages.ts';
import type { Key } from './overlay.ts';

const briefForMs = 1_000;

/** A node's wire without the bytes: a frame is its full header or its check. */
class End {
  readonly name: string;
  readonly id: Key;
  readonly address: string;
  isMember = true;
  incarnation = 1;
  introductions: Introductions;

  constructor(name: string, id = keyOf(name)) {
    this.name = name;
    this.id = id;
    this.address = `${name}:1`;
    this.introductions = new Introductions(id, this.incarnation, briefForMs);
  }

  restart(): void {
    this.incarnation += 1;
    this.introductions = new Introductions(this.id, this.incarnation, briefForMs);
  }

  get header(): Omit<Header, 'target'> {
    return { sender: this.id, incarnation: this.incarnation, isMember: this.isMember };
  }

  /** Returns what the receiver takes the sender for: `unknown`, or the header that it read or made out. */
  send(to: End, nowMs: number, isLost = false): { isBrief: boolean; read: Header | null } {
    const check = this.introductions.check({ id: to.id, address: to.address }, this.isMember, nowMs);
    const full: Header = { ...this.header, target: nameOf(to.id) };
    if (isLost) return { isBrief: check !== null, read: null };
    if (check === null) {
      to.introductions.heard(this.address, full, nowMs);
      return { isBrief: false, read: full };
    }
    const read = to.introductions.expand(this.address, check, nowMs);
    if (!read) this.introductions.forgotten(to.address);
    return { isBrief: true, read };
  }
}

test('headers are brief once both have heard each other, and stand for what they stood for', () => {
  const [a, b] = [new End('a'), new End('b')];
  expect(a.send(b, 0).isBrief).toBe(false);
  expect(a.send(b, 0).isBrief).toBe(false);
  expect(b.send(a, 0).isBrief).toBe(false);
  expect(a.send(b, 0)).toEqual({ isBrief: true, read: { ...a.header, target: nameOf(b.id) } });
  expect(b.send(a, 0)).toEqual({ isBrief: true, read: { ...b.header, target: nameOf(a.id) } });
  a.isMember = false;
  expect(a.send(b, 0)).toEqual({ isBrief: false, read: { ...a.header, target: nameOf(b.id) } });
});

test('after silence, and to whoever lives at an address, headers go in full', () => {
  const [a, b] = [new End('a'), new End('b')];
  a.send(b, 0);
  b.send(a, 0);
  expect(a.introductions.check({ id: null, address: b.address }, true, 0)).toBeNull();
  expect(a.send(b, 999).isBrief).toBe(true);
  expect(a.send(b, 1_000).isBrief).toBe(false);
  b.introductions.forgetSilent(2_000);
  b.send(a, 1_000);
  expect(a.send(b, 1_000)).toEqual({ isBrief: true, read: null });
  expect(a.send(b, 1_000)).toEqual({ isBrief: false, read: { ...a.header, target: nameOf(b.id) } });
});

test('whatever is lost and whoever restarts, nobody is ever taken for another', () => {
  const step = fc.record({
    from: fc.nat(2),
    to: fc.nat(2),
    what: fc.constantFrom('send', 'send', 'send', 'lose', 'restart', 'toggle', 'replace'),
    waitMs: fc.constantFrom(0, 0, 10, 2_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ends = [new End('a'), new End('b'), new End('c')];
      let nowMs = 0;
      let replaced = 0;
      for (const { from, to, what, waitMs } of steps) {
        nowMs += waitMs;
        let sender = ends[from] as End;
        if (what === 'restart') sender.restart();
        if (what === 'toggle') sender.isMember = !sender.isMember;
        if (what === 'replace') ends[from] = new End(sender.name, keyOf(`${++replaced}`));
        sender = ends[from] as End;
        if (from === to || (what !== 'send' && what !== 'lose')) continue;
        const { read } = sender.send(ends[to] as End, nowMs, what === 'lose');
        if (read) expect(read).toEqual({ ...sender.header, target: nameOf((ends[to] as End).id) });
        else if (what === 'send') expect(sender.send(ends[to] as End, nowMs).read).not.toBeNull();
      }
    }),
    { numRuns: 500 },
  );
});
