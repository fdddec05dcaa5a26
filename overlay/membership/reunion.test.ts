import { describe, expect, test } from 'vitest';
import { overlayDefaults } from '../defaults.ts';
import type { Contact } from '../overlay.ts';
import type { Address } from '../runtime.ts';
import { contactOf, contactsOf } from '../testing/contacts.ts';
import { ManualRuntime, seeded } from '../testing/manual-runtime.ts';
import type { Target } from '../wire.ts';
import { Reunion, type ReunionOutput } from './reunion.ts';

const { tickMs, missingRetryMs, seedRetryMaxMs, rememberedMax } = overlayDefaults;
const seeds = ['seed:1', 'seed:2'];

/** A node that looks for those who were lost, and who they are. */
class Seeker implements ReunionOutput {
  readonly runtime = new ManualRuntime(seeded(1));
  readonly reunion = new Reunion(this.runtime, overlayDefaults, this);
  readonly pinged: { address: Address; atMs: number }[] = [];
  readonly members = new Set<Address>();
  missing: readonly Contact[] = [];

  ping({ address }: Target): void {
    this.pinged.push({ address, atMs: this.runtime.nowMs });
  }

  knows(address: Address): boolean {
    return this.members.has(address);
  }

  isAlone(): boolean {
    return this.members.size === 0;
  }

  /** Whom it pings within a time. */
  async live(durationMs: number): Promise<Address[]> {
    const before = this.pinged.length;
    for (let leftMs = durationMs; leftMs > 0; leftMs -= tickMs) {
      await this.runtime.pass(tickMs);
      this.reunion.tick(this.runtime.nowMs, () => this.missing.map((contact) => ({ contact })));
    }
    return this.pinged.slice(before).map(({ address }) => address);
  }
}

describe('a node among others', () => {
  test('pings those missing, one at a time, all of them sooner or later, and nobody else', async () => {
    const seeker = new Seeker();
    seeker.reunion.remember(seeds);
    seeker.members.add('seed:1');
    seeker.missing = contactsOf(3, 1);
    const pinged = await seeker.live(40 * missingRetryMs);
    expect(pinged).toHaveLength(40);
    expect(new Set(pinged)).toEqual(new Set(seeker.missing.map(({ address }) => address)));
  });

  test('pings nobody at whose address another lives, however many of the failed these are', async () => {
    const seeker = new Seeker();
    seeker.missing = contactsOf(8, 1);
    const [last] = seeker.missing.slice(-1);
    for (const { address } of seeker.missing.slice(0, -1)) seeker.members.add(address);
    expect(await seeker.live(10 * missingRetryMs)).toEqual(Array(10).fill(last?.address));
  });

  test('goes back to its seeds, less and less often, while none of them is a member it knows', async () => {
    const seeker = new Seeker();
    seeker.reunion.remember(seeds);
    seeker.members.add('other:1');
    const pinged = await seeker.live(20 * seedRetryMaxMs);
    expect(new Set(pinged)).toEqual(new Set(seeds));
    const waitsMs = seeker.pinged.slice(1).map(({ atMs }, i) => atMs - (seeker.pinged[i]?.atMs ?? 0));
    for (const [i, waitMs] of waitsMs.entries())
      expect(waitMs).toBe(Math.min(seedRetryMaxMs, missingRetryMs * 2 ** (i + 1)));
    expect(waitsMs.at(-1)).toBe(seedRetryMaxMs);
    seeker.members.add('seed:2');
    expect(await seeker.live(2 * seedRetryMaxMs)).toEqual([]);
    seeker.members.delete('seed:2');
    expect(await seeker.live(missingRetryMs)).toHaveLength(1);
  });
});

describe('a node that lost every contact', () => {
  test('pings its seeds and, each time, one of the members met last', async () => {
    const seeker = new Seeker();
    seeker.reunion.remember(seeds);
    const met = contactsOf(rememberedMax + 4, 1);
    for (const contact of met) seeker.reunion.failed(contact);
    const pinged = await seeker.live(100 * seedRetryMaxMs);
    const last = met.slice(-rememberedMax).map(({ address }) => address);
    expect(new Set(pinged)).toEqual(new Set([...seeds, ...last]));
    expect(pinged.filter((address) => seeds.includes(address))).toHaveLength(pinged.length / 2);
  });

  test('that began a ring of its own has only those members', async () => {
    const seeker = new Seeker();
    seeker.reunion.failed(contactOf(1));
    expect(new Set(await seeker.live(seedRetryMaxMs))).toEqual(new Set([contactOf(1).address]));
    seeker.members.add(contactOf(1).address);
    expect(await seeker.live(10 * seedRetryMaxMs)).toEqual([]);
  });

  test('keeps to the latest of those that fail again and again', async () => {
    const seeker = new Seeker();
    const met = contactsOf(rememberedMax, 1);
    for (const contact of met) seeker.reunion.failed(contact);
    seeker.reunion.failed(met[0] as Contact);
    seeker.reunion.failed(contactOf(99));
    const pinged = new Set(await seeker.live(200 * seedRetryMaxMs));
    expect(pinged).toEqual(new Set([met[0] as Contact, ...met.slice(2), contactOf(99)].map(({ address }) => address)));
  });
});
