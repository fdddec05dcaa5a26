import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { overlayDefaults } from '../defaults.ts';
import type { Contact, Key } from '../overlay.ts';
import { contactOf, contactsOf, tableOf } from '../testing/contacts.ts';
import { ManualRuntime } from '../testing/manual-runtime.ts';
import { Detection, type DetectionOutput, type Weather } from './detection.ts';
import { Peers } from './peers.ts';
import type { Suspicion } from './probes.ts';

const options = overlayDefaults;
/** Between two pings of somebody whose round trip is not known. */
const spacingMs = Math.max(options.probeSpacingMs, options.roundTripInitialMs);
const calm: Weather = { calmMs: Number.POSITIVE_INFINITY, lifetimeMs: Number.POSITIVE_INFINITY };
const suspect = contactOf(1);

/** Detection at member 0 of a ring, whose pings are only noted, unless their receiver is `alive`. */
class Watch implements DetectionOutput {
  readonly runtime = new ManualRuntime();
  readonly table;
  readonly peers = new Peers(options);
  readonly detection: Detection;
  /** Who answers pings. */
  readonly alive = new Set<Key>();
  readonly pinged: Contact[] = [];
  readonly compared: Contact[] = [];
  readonly asked: { helper: Contact; contact: Contact }[] = [];
  readonly silenced: { contact: Contact; suspicion: Suspicion; pings: number }[] = [];
  /** What helpers find; null: they do not answer while the test lasts. */
  reached: boolean | null = false;

  constructor(members: number) {
    this.table = tableOf(contactOf(0), contactsOf(members - 1, 1));
    const log = () => {};
    this.detection = new Detection({ runtime: this.runtime, table: this.table, peers: this.peers, log }, options, this);
  }

  ping(contact: Contact): void {
    this.pinged.push(contact);
    this.#answerSoon(contact);
  }

  compare(contact: Contact): void {
    this.compared.push(contact);
    this.#answerSoon(contact);
  }

  askHelper(helper: Contact, contact: Contact): Promise<boolean> {
    this.asked.push({ helper, contact });
    return this.reached === null ? new Promise(() => {}) : Promise.resolve(this.reached);
  }

  silent(contact: Contact, suspicion: Suspicion): void {
    this.silenced.push({ contact, suspicion, pings: this.pingsTo(contact) });
  }

  answer({ id, address }: Contact): void {
    const { peer } = this.peers.heard(id, address, 1, this.runtime.nowMs);
    peer.exchangedAtMs = this.runtime.nowMs;
    this.detection.answered(id);
  }

  pingsTo({ id }: Contact): number {
    return this.pinged.filter((contact) => contact.id === id).length;
  }

  #answerSoon(contact: Contact): void {
    if (this.alive.has(contact.id)) this.runtime.after(10, () => this.answer(contact));
  }

  /** Looks around as often as a node does. */
  async live(durationMs: number, weather = calm): Promise<void> {
    for (let leftMs = durationMs; leftMs > 0; leftMs -= options.tickMs) {
      this.detection.tick(this.runtime.nowMs, weather);
      await this.runtime.pass(options.tickMs);
    }
  }
}

describe('a suspect', () => {
  test('that others say is gone is pinged less often, and no helper is asked', async () => {
    const watch = new Watch(20);
    watch.detection.check(suspect, 'failed');
    await watch.runtime.pass(options.rumourProbesMax * spacingMs);
    expect(watch.silenced).toEqual([{ contact: suspect, suspicion: 'failed', pings: options.rumourProbesMax }]);
    expect(watch.asked).toEqual([]);
  });

  test('is given up after as many unanswered pings as it takes to be sure, and not before', async () => {
    const watch = new Watch(20);
    watch.detection.suspect(suspect, 'a test');
    for (let pings = 1; pings <= options.probesMax; pings++) {
      expect(watch.pingsTo(suspect)).toBe(pings);
      expect(watch.detection.isSuspect(suspect.id)).toBe(pings > 1);
      expect(watch.silenced).toEqual([]);
      await watch.runtime.pass(spacingMs - 1);
      expect(watch.pingsTo(suspect)).toBe(pings);
      await watch.runtime.pass(1);
    }
    expect(watch.silenced).toEqual([{ contact: suspect, suspicion: 'failed', pings: options.probesMax }]);
    expect(watch.detection.isProbing(suspect.id)).toBe(false);
    expect(watch.runtime.pending).toBe(0);
  });

  test('that answers any of the pings is cleared, and may be suspected anew', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: options.probesMax }), async (nth) => {
        const watch = new Watch(20);
        for (const round of [1, 2]) {
          watch.detection.suspect(suspect, 'a test');
          await watch.runtime.pass((nth - 1) * spacingMs);
          expect(watch.pingsTo(suspect)).toBe(round * nth);
          watch.detection.answered(suspect.id);
          expect(watch.detection.isSuspect(suspect.id)).toBe(false);
          await watch.runtime.pass(options.probesMax * spacingMs);
          expect(watch.pingsTo(suspect)).toBe(round * nth);
        }
        expect(watch.silenced).toEqual([]);
      }),
      { numRuns: options.probesMax },
    );
  });

  test('is pinged less often the longer its round trip is', async () => {
    const watch = new Watch(20);
    watch.answer(suspect);
    // The first sample: its deviation is taken to be half of it.
    watch.peers.get(suspect.id)?.roundTrip.sample(600);
    watch.detection.suspect(suspect, 'a test');
    await watch.runtime.pass(1_799);
    expect(watch.pingsTo(suspect)).toBe(1);
    await watch.runtime.pass(1);
    expect(watch.pingsTo(suspect)).toBe(2);
  });

  test('is tried through members next to it once half the pings are spent, none of whom is a suspect', async () => {
    const watch = new Watch(20);
    const nearest = watch.table.around(suspect.id, 20).filter(({ id }) => id !== watch.table.self.id);
    const [alsoSilent, ...others] = nearest as [Contact, ...Contact[]];
    watch.reached = null;
    watch.detection.suspect(alsoSilent, 'a test');
    watch.detection.suspect(suspect, 'a test');
    const asked = (): Contact[] => watch.asked.filter(({ contact }) => contact === suspect).map(({ helper }) => helper);
    await watch.runtime.pass((options.probesMax / 2) * spacingMs - 1);
    expect(asked()).toEqual([]);
    await watch.runtime.pass(1);
    expect(asked()).toEqual(others.slice(0, options.helpersMax));
  });

  test.each([
    ['that a helper reached lives', true, 0],
    ['that no helper reached is given up', false, 1],
    ['whose helpers do not answer is given up', null, 1],
  ])('%s', async (_name, reached, deaths) => {
    const watch = new Watch(20);
    watch.reached = reached;
    watch.detection.suspect(suspect, 'a test');
    await watch.runtime.pass(options.probesMax * spacingMs);
    expect(watch.asked).toHaveLength(options.helpersMax);
    expect(watch.silenced).toHaveLength(deaths);
    expect(watch.detection.isProbing(suspect.id)).toBe(false);
  });

  test('by hearsay has fewer pings to answer, and of one that left nobody is asked', async () => {
    const watch = new Watch(20);
    watch.detection.check(suspect, 'left');
    const answered = watch.detection.checked(contactOf(99)).then(() => watch.runtime.nowMs);
    const startMs = watch.runtime.nowMs;
    await watch.runtime.pass(options.probesMax * spacingMs);
    expect(watch.silenced).toEqual([
      { contact: suspect, suspicion: 'left', pings: options.rumourProbesMax },
      { contact: contactOf(99), suspicion: 'unheard', pings: options.rumourProbesMax },
    ]);
    expect(watch.asked).toEqual([]);
    expect(await answered).toBe(startMs + options.rumourProbesMax * spacingMs);
  });
});

describe('for another member', () => {
  test('one that answers any of the pings is reached', async () => {
    const watch = new Watch(20);
    const found = watch.detection.reach(suspect);
    await watch.runtime.pass((options.helperPings - 1) * spacingMs);
    watch.answer(suspect);
    await watch.runtime.pass(spacingMs);
    expect(await found).toBe(true);
  });

  test('one that answered only before is not, nor who answers none of them', async () => {
    const watch = new Watch(20);
    watch.answer(suspect);
    await watch.runtime.pass(1);
    const found = watch.detection.reach(suspect);
    await watch.runtime.pass(options.helperPings * spacingMs);
    expect(await found).toBe(false);
    expect(watch.pingsTo(suspect)).toBe(options.helperPings);
  });
});

describe('in turn', () => {
  /** A fleet in which everybody but the `dead` answers, lived through for a while. */
  async function lived(members: number, durationMs: number, weather: Weather, dead: readonly Contact[] = []) {
    const watch = new Watch(members);
    for (const contact of watch.table.contacts()) watch.alive.add(contact.id);
    for (const leaf of watch.table.leaves()) watch.answer(leaf);
    for (const { id } of dead) watch.alive.delete(id);
    await watch.live(durationMs, weather);
    return watch;
  }

  test('the nearest on both sides are looked at all the time, the rest of the leaf set as churn demands', async () => {
    const minuteMs = 60_000;
    for (const lifetimeMs of [Number.POSITIVE_INFINITY, 200_000, 1_000]) {
      const watch = await lived(60, minuteMs, { calmMs: Number.POSITIVE_INFINITY, lifetimeMs });
      const { nearPingMs, farPingMs, farLifetimeShare, tickMs } = options;
      const farMs = Math.min(farPingMs, Math.max(nearPingMs, lifetimeMs * farLifetimeShare));
      const near = watch.table.leaves().filter(({ id }) => watch.detection.isNear(id));
      expect(near).toHaveLength(options.leafSetSize / 4);
      for (const leaf of watch.table.leaves()) {
        const everyMs = near.includes(leaf) ? nearPingMs : farMs;
        expect(watch.pingsTo(leaf)).toBeLessThanOrEqual(minuteMs / everyMs);
        expect(watch.pingsTo(leaf)).toBeGreaterThanOrEqual(Math.floor(minuteMs / (everyMs + tickMs)));
      }
      expect(watch.silenced).toEqual([]);
    }
  });

  test('tables are compared with one after another, more often after a change', async () => {
    const { sweepEveryMs, sweepUnrestMs } = options;
    const quiet = await lived(60, 10 * sweepEveryMs, calm);
    expect(quiet.compared.length).toBeGreaterThanOrEqual(8);
    expect(quiet.compared.length).toBeLessThanOrEqual(10);
    const unquiet = await lived(60, 10 * sweepEveryMs, { ...calm, calmMs: 0 });
    expect(unquiet.compared.length).toBeGreaterThanOrEqual(0.7 * ((10 * sweepEveryMs) / sweepUnrestMs));
  });

  test('who does not answer when its turn comes becomes suspect, and then dead', async () => {
    const all = new Watch(60).table;
    const far = all.contacts().filter(({ id }) => id !== all.self.id && !all.isLeaf(id));
    const watch = await lived(60, options.sweepEveryMs * 3, calm, far);
    const [first] = watch.compared as [Contact];
    expect(far).toContainEqual(first);
    expect(watch.silenced[0]).toEqual({ contact: first, suspicion: 'failed', pings: options.probesMax });
  });
});
