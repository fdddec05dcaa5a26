import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { overlayDefaults } from '../defaults.ts';
import { encodeBriefFrame, type GossipMessage, gossipNewsMax, type Message, type News, nameOf } from '../messages.ts';
import type { Contact } from '../overlay.ts';
import { contactOf, contactsOf } from '../testing/contacts.ts';
import { ManualRuntime, seeded } from '../testing/manual-runtime.ts';
import { Budget } from './budget.ts';
import { Gossip, type GossipOutput } from './gossip.ts';
import { nameIn } from './rumours.ts';

const options = overlayDefaults;
const unlimited = 1e9;
const joined = (i: number): News => ({ kind: 'joined', contact: contactOf(i), agoMs: 0 });
const failed = (i: number): News => ({ kind: 'failed', name: nameOf(contactOf(i).id), agoMs: 0 });

/** One node's gossip, to whose listener a test answers. */
class Teller implements GossipOutput {
  readonly runtime = new ManualRuntime();
  readonly sent: { message: Message; atMs: number }[] = [];
  readonly considered: News[] = [];
  readonly gossip: Gossip;
  /** Whether what others tell is news here. */
  isNews = true;

  constructor(bytesPerSecond = unlimited, burstBytes = unlimited) {
    this.gossip = new Gossip(this.runtime, options, new Budget(bytesPerSecond, burstBytes, this.runtime.nowMs), this);
  }

  transmit(_to: Contact, message: Message): void {
    this.sent.push({ message, atMs: this.runtime.nowMs });
  }

  listener(): Contact {
    return contactOf(1);
  }

  members(): number {
    return 15;
  }

  consider(news: News): boolean {
    this.considered.push(news);
    return this.isNews;
  }

  get told(): GossipMessage[] {
    return this.sent.flatMap(({ message }) => (message.type === 'gossip' ? [message] : []));
  }

  /** Each frame is answered: every piece in it was known, or none. */
  async answered(rounds: number, known: boolean): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      const before = this.told.length;
      await this.runtime.pass(options.gossipEveryMs);
      const last = this.told.at(-1);
      if (last && this.told.length > before) {
        this.gossip.onAck({ type: 'gossipAck', number: last.number, known: known ? 0xffff_ffff : 0 });
      }
    }
  }
}

describe('one who has news', () => {
  test('never sends more bytes than its budget gives, and sends all in the end', async () => {
    const news = fc.oneof(
      fc.integer({ min: 10, max: 400 }).map(joined),
      fc.integer({ min: 500, max: 900 }).map(failed),
    );
    const burst = fc.integer({ min: 400, max: 4_000 });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(news, { selector: nameIn, maxLength: 150 }),
        burst,
        async (pieces, burstBytes) => {
          const bytesPerSecond = 1_000;
          const teller = new Teller(bytesPerSecond, burstBytes);
          const startMs = teller.runtime.nowMs;
          for (const piece of pieces) teller.gossip.tell(piece);
          await teller.runtime.pass(options.newsAgeMaxMs);
          let bytes = 0;
          for (const { message, atMs } of teller.sent) {
            if (message.type === 'data') throw new Error('gossip sends no data');
            bytes += encodeBriefFrame(0, message).length;
            expect(bytes).toBeLessThanOrEqual(burstBytes + ((atMs - startMs) / 1_000) * bytesPerSecond);
          }
          expect(new Set(teller.told.flatMap((message) => message.news.map(nameIn)))).toEqual(
            new Set(pieces.map(nameIn)),
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  test('tells departures first when it cannot afford all', async () => {
    const teller = new Teller(0, 600);
    for (let i = 10; i < 40; i++) teller.gossip.tell(joined(i));
    for (let i = 50; i < 60; i++) teller.gossip.tell(failed(i));
    await teller.runtime.pass(10_000);
    const news = teller.told.flatMap((message) => message.news);
    expect(news.slice(0, 10).every(({ kind }) => kind === 'failed')).toBe(true);
    expect(news.length).toBeLessThan(40);
  });

  test('puts no more into a frame than it may carry', async () => {
    const teller = new Teller();
    for (let i = 10; i < 10 + 2 * gossipNewsMax; i++) teller.gossip.tell(joined(i));
    await teller.runtime.pass(1.5 * options.gossipEveryMs);
    expect(teller.told.map(({ news }) => news.length)).toEqual([gossipNewsMax]);
  });

  test('is done once as many listeners as it takes knew it, and each answer counts once', async () => {
    const teller = new Teller();
    teller.gossip.tell(failed(10));
    await teller.answered(1, false);
    await teller.answered(options.newsRepeats - 1, true);
    const { number } = teller.told.at(-1) as GossipMessage;
    for (let i = 0; i < options.newsRepeats; i++) teller.gossip.onAck({ type: 'gossipAck', number, known: 1 });
    expect(teller.runtime.pending).toBe(1);
    await teller.answered(1, true);
    expect(teller.told).toHaveLength(options.newsRepeats + 1);
    await teller.runtime.pass(options.newsAgeMaxMs);
    expect(teller.told).toHaveLength(options.newsRepeats + 1);
    expect(teller.runtime.pending).toBe(0);
  });

  test('gives up on listeners that never answer after as many as would have spread it', async () => {
    const teller = new Teller();
    teller.gossip.tell(failed(10));
    await teller.runtime.pass(options.newsAgeMaxMs);
    expect(teller.told).toHaveLength(options.newsRepeats * Math.log2(teller.members() + 1));
    expect(teller.runtime.pending).toBe(0);
  });

  test('falls silent when it is closed', async () => {
    const teller = new Teller();
    teller.gossip.tell(failed(10));
    teller.gossip.close();
    teller.gossip.tell(failed(11));
    await teller.runtime.pass(options.newsAgeMaxMs);
    expect(teller.sent).toEqual([]);
  });
});

describe('one who is told', () => {
  test('answers which pieces it knew or does not believe, considers each once, and tells the rest on', async () => {
    const teller = new Teller();
    teller.gossip.tell(failed(10));
    teller.gossip.onGossip(contactOf(2), { type: 'gossip', number: 7, news: [failed(11), failed(10)] });
    expect(teller.sent.at(-1)?.message).toEqual({ type: 'gossipAck', number: 7, known: 0b10 });
    teller.isNews = false;
    teller.gossip.onGossip(contactOf(2), { type: 'gossip', number: 8, news: [failed(11), failed(12)] });
    expect(teller.sent.at(-1)?.message).toEqual({ type: 'gossipAck', number: 8, known: 0b11 });
    expect(teller.considered).toEqual([failed(11), failed(12)]);
    await teller.runtime.pass(1.5 * options.gossipEveryMs);
    expect(teller.told.flatMap(({ news }) => news.map(nameIn)).sort()).toEqual(
      [10, 11].map((i) => nameIn(failed(i))).sort(),
    );
  });

  test('answers the last piece of a full frame as it does the first', () => {
    const teller = new Teller();
    teller.isNews = false;
    const news = Array.from({ length: gossipNewsMax }, (_, i) => failed(i));
    teller.gossip.onGossip(contactOf(2), { type: 'gossip', number: 1, news });
    expect(teller.sent).toMatchObject([{ message: { type: 'gossipAck', known: 0xffff_ffff } }]);
  });
});

test.each([1, 2, 3])(
  'news reaches nearly all of a fleet, nobody twice, and the fleet falls silent (seed %i)',
  async (seed) => {
    const draw = seeded(seed);
    const runtime = new ManualRuntime(draw);
    const contacts = contactsOf(64);
    const heard = contacts.map(() => 0);
    let frames = 0;
    const fleet = contacts.map((self, i): Gossip => {
      const budget = new Budget(unlimited, unlimited, runtime.nowMs);
      return new Gossip(runtime, options, budget, {
        listener: () => contacts[Math.floor(draw() * contacts.length)],
        members: () => contacts.length,
        consider: () => {
          heard[i] = (heard[i] ?? 0) + 1;
          return true;
        },
        transmit: (to, message) => {
          frames += 1;
          runtime.after(20, () => {
            const there = fleet[contacts.indexOf(to)];
            if (message.type === 'gossip') there?.onGossip(self, message);
            else if (message.type === 'gossipAck') there?.onAck(message);
          });
        },
      });
    });
    // Its neighbours see it themselves.
    const witnesses = 8;
    for (const gossip of fleet.slice(0, witnesses)) gossip.tell(failed(1_000));
    await runtime.pass(options.newsAgeMaxMs);
    expect(heard.slice(0, witnesses)).toEqual(Array(witnesses).fill(0));
    expect(heard.every((times) => times <= 1)).toBe(true);
    // One in fifty is left out in the mean; comparisons of tables are for those.
    expect(heard.filter((times) => times === 1).length).toBeGreaterThanOrEqual(0.9 * (contacts.length - witnesses));
    expect(runtime.pending).toBe(0);
    // A push each until `newsRepeats` knew it, and an answer to each.
    expect(frames).toBeLessThan(contacts.length * 2 * (2 * options.newsRepeats));
  },
);
