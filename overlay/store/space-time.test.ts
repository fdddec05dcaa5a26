import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SpaceTime } from './space-time.ts';

interface Stored {
  readonly bytes: number;
  readonly expiresAtMs: number;
}

/** OpenDHT's condition, straight from its definition: just before and at every moment at which something changes. */
function fitsByDefinition(
  stored: readonly Stored[],
  capacity: number,
  rate: number,
  { bytes, lifetimeMs, nowMs }: { bytes: number; lifetimeMs: number; nowMs: number },
): boolean {
  const endMs = nowMs + lifetimeMs;
  const inflections = stored.map(({ expiresAtMs }) => expiresAtMs).filter((atMs) => atMs > nowMs && atMs <= endMs);
  const still = (isStill: (atMs: number) => boolean): number =>
    stored.reduce((sum, one) => (isStill(one.expiresAtMs) ? sum + one.bytes : sum), 0);
  const sums = inflections.map((atMs) => still((at) => at >= atMs) + rate * (atMs - nowMs));
  return [...sums, still((at) => at > endMs) + rate * lifetimeMs].every((sum) => sum + bytes <= capacity + 1e-6);
}

const put = fc.record({ bytes: fc.integer({ min: 1, max: 40 }), lifetimeMs: fc.integer({ min: 1, max: 100 }) });
const step = fc.record({ put, afterMs: fc.nat(30), removes: fc.boolean() });

test('what fits is what the definition says, and the earliest time is the first of all', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 50, max: 300 }),
      fc.constantFrom(0, 0.5, 1, 2),
      (steps, capacity, rate) => {
        const space = new SpaceTime(capacity, rate);
        let stored: Stored[] = [];
        let nowMs = 0;
        for (const {
          put: { bytes, lifetimeMs },
          afterMs,
          removes,
        } of steps) {
          nowMs += afterMs;
          space.advance(nowMs);
          stored = stored.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
          expect(space.storedBytes).toBe(stored.reduce((sum, one) => sum + one.bytes, 0));
          const isFit = fitsByDefinition(stored, capacity, rate, { bytes, lifetimeMs, nowMs });
          expect(space.fits(bytes, lifetimeMs, nowMs)).toBe(isFit);
          const atMs = space.fitsAtMs(bytes, lifetimeMs, nowMs);
          // Twice a millisecond: with these rates nothing becomes possible in between.
          for (let ms = nowMs; ms <= nowMs + 250 && ms < atMs; ms += 0.5) {
            expect(fitsByDefinition(stored, capacity, rate, { bytes, lifetimeMs, nowMs: ms })).toBe(false);
          }
          if (Number.isFinite(atMs)) {
            expect(fitsByDefinition(stored, capacity, rate, { bytes, lifetimeMs, nowMs: atMs })).toBe(true);
          }
          const first = stored[0];
          if (removes && first) {
            space.remove(first.bytes, first.expiresAtMs);
            stored = stored.slice(1);
          }
          if (isFit) {
            space.add(bytes, nowMs + lifetimeMs);
            stored.push({ bytes, expiresAtMs: nowMs + lifetimeMs });
          }
          space.checkInvariants();
        }
      },
    ),
  );
});

test('puts at the minimum rate are always accepted, whatever was accepted before', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const lifetimeMaxMs = 100;
      const bytesMax = 40;
      const rate = 1;
      const space = new SpaceTime(rate * lifetimeMaxMs + bytesMax, rate);
      let nowMs = 0;
      for (const {
        put: { bytes, lifetimeMs },
        afterMs,
      } of steps) {
        nowMs += afterMs;
        space.advance(nowMs);
        if (space.fits(bytes, lifetimeMs, nowMs)) space.add(bytes, nowMs + lifetimeMs);
      }
      for (let i = 0; i < 50; i++) {
        // The rate says how long the last put takes; then the next one must be welcome.
        nowMs += bytesMax / rate;
        space.advance(nowMs);
        expect(space.fits(bytesMax, lifetimeMaxMs, nowMs)).toBe(true);
        space.add(bytesMax, nowMs + lifetimeMaxMs);
      }
    }),
  );
});
