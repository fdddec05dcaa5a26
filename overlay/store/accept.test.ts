import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyAt } from '../keys.ts';
import { OverlayError } from '../overlay.ts';
import { recordAfter } from './accept.ts';
import { type Item, isLive, itemOf } from './items.ts';
import { absent, earlierMax, type StoreWrite, type Version, versionOf } from './messages.ts';

const name = { namespace: 'n', resourceId: 'r', instanceId: 'i' };
const limits = { valueBytesMax: 8, lifetimeMaxMs: 1_000, tombstoneExtraMs: 100 };

/** One item at one owner. */
class Owner {
  item: Item | undefined;
  nowMs = 0;

  take(write: StoreWrite): 'done' | OverlayError['code'] {
    try {
      const record = recordAfter(write, this.item, { writer: keyAt(1n), nowMs: this.nowMs }, limits);
      if (record.lifetimeLeftMs > 0) this.item = itemOf(record, this.nowMs);
      return 'done';
    } catch (error) {
      if (!(error instanceof OverlayError)) throw error;
      return error.code;
    }
  }

  get version(): Version {
    return this.item && isLive(this.item, this.nowMs) ? this.item.version : absent;
  }
}

function put(number: number, expected: Version | null = null, lifetimeMs = 1_000): StoreWrite {
  const value = Uint8Array.of(number);
  return {
    type: 'put',
    ...name,
    version: versionOf(BigInt(number)),
    expected,
    guard: null,
    secret: null,
    value,
    lifetimeMs,
  };
}

function remove(number: number, expected: Version | null = null): StoreWrite {
  return { type: 'remove', ...name, version: versionOf(BigInt(number)), expected, secret: null };
}

describe('at the owner of an item', () => {
  test('a put that expects another version conflicts and changes nothing', () => {
    const owner = new Owner();
    expect(owner.take(put(1, versionOf(9n)))).toBe('conflict');
    expect(owner.take(put(1, absent))).toBe('done');
    expect(owner.take(put(2, absent))).toBe('conflict');
    expect(owner.take(remove(3, versionOf(2n)))).toBe('conflict');
    expect(owner.version).toBe(versionOf(1n));
  });

  test('what has expired or was removed is absent', () => {
    const owner = new Owner();
    owner.take(put(1));
    owner.nowMs = 1_000;
    expect(owner.take(put(2, versionOf(1n)))).toBe('conflict');
    expect(owner.take(put(3, absent))).toBe('done');
    expect(owner.take(remove(4))).toBe('done');
    expect(owner.take({ type: 'renew', ...name, lifetimeMs: 10 })).toBe('conflict');
    expect(owner.take(put(5, absent))).toBe('done');
  });

  test('a repeated write is done, and changes nothing, whatever followed it', () => {
    const owner = new Owner();
    owner.take(put(1, absent));
    owner.take(put(2, versionOf(1n)));
    owner.take(remove(3));
    for (const write of [put(1, absent), put(2, versionOf(1n)), remove(3)]) expect(owner.take(write)).toBe('done');
    expect(owner.version).toBe(absent);
    for (let i = 10; i < 10 + earlierMax; i++) owner.take(put(i));
    expect(owner.take(remove(3, versionOf(2n)))).toBe('done');
    expect(owner.version).toBe(versionOf(9n + BigInt(earlierMax)));
  });

  test('a renewal keeps the version; values and lifetimes have limits', () => {
    const owner = new Owner();
    owner.take(put(1));
    owner.nowMs = 900;
    expect(owner.take({ type: 'renew', ...name, lifetimeMs: 1_000 })).toBe('done');
    owner.nowMs = 1_800;
    expect(owner.version).toBe(versionOf(1n));
    expect(owner.take({ type: 'renew', ...name, lifetimeMs: 1_001 })).toBe('refused');
    expect(owner.take(put(2, null, 1_001))).toBe('refused');
    expect(owner.take({ ...put(2), value: new Uint8Array(9) } as StoreWrite)).toBe('refused');
  });

  test('each write is later than the one before, whatever the clock says', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ nowMs: fc.nat(2_000), isPut: fc.boolean() }), { maxLength: 30 }), (writes) => {
        const owner = new Owner();
        let writtenAtMs = -1;
        for (const [i, { nowMs, isPut }] of writes.entries()) {
          owner.nowMs = nowMs;
          const before = owner.item;
          owner.take(isPut ? put(i + 1) : remove(i + 1));
          if (owner.item === before) continue;
          expect(owner.item?.writtenAtMs).toBeGreaterThan(writtenAtMs);
          writtenAtMs = owner.item?.writtenAtMs ?? 0;
        }
      }),
    );
  });
});
