import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { someRecord } from '../testing/records.ts';
import { flawOf, guardOf, immutableResource, mayFollow, signedInstance } from './authenticity.ts';
import { itemOf } from './items.ts';
import { type ItemRecord, versionOf } from './messages.ts';
import { publicKeyOf, readSigned, signStatement } from './signed.ts';

const bytes = fc.uint8Array({ maxLength: 64 });
const { privateKey } = generateKeyPairSync('ed25519');

function signedBy(key: KeyObject, value: Uint8Array | null): ItemRecord {
  const name = { ...someRecord, instanceId: signedInstance(publicKeyOf(key)) };
  return { ...name, value: signStatement(name, { value, sequence: 7n, expiresAtMs: 5_000 }, key) };
}

describe('names that certify what they name', () => {
  test('an immutable item has the value that it is named for', () => {
    fc.assert(
      fc.property(bytes, bytes, (value, other) => {
        const item = { ...someRecord, resourceId: immutableResource(value), instanceId: '', value };
        expect(flawOf(item)).toBeNull();
        expect(flawOf({ ...item, value: other }) === null).toBe(Buffer.compare(value, other) === 0);
        for (const flawed of [{ value: null }, { instanceId: 'i' }, { guard: guardOf('s') }]) {
          expect(flawOf({ ...item, ...flawed })).not.toBeNull();
        }
      }),
    );
  });

  test('a signed item says what its signer said, of this resource; no bit of it can be changed', () => {
    const item = signedBy(privateKey, Uint8Array.of(1, 2, 3));
    expect(flawOf(item)).toBeNull();
    expect(itemOf(item, 0)).toMatchObject({ signed: { sequence: 7n }, expiresAtMs: 1_000 });
    expect(itemOf(item, 4_500).expiresAtMs).toBe(5_000);
    expect(flawOf(signedBy(privateKey, null))).toBeNull();
    for (const elsewhere of [{ namespace: 'm' }, { resourceId: 'q' }, { value: null }, { guard: guardOf('s') }]) {
      expect(flawOf({ ...item, ...elsewhere })).not.toBeNull();
    }
    const theirs = signedBy(generateKeyPairSync('ed25519').privateKey, Uint8Array.of(1, 2, 3));
    expect(flawOf({ ...theirs, instanceId: item.instanceId })).not.toBeNull();
    const value = item.value ?? new Uint8Array(0);
    for (let bit = 0; bit < 8 * value.length; bit++) {
      const changed = Uint8Array.from(value);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(flawOf({ ...item, value: changed })).not.toBeNull();
    }
  });

  test('whatever bytes are kept in the place of a signed item, reading them ends', () => {
    fc.assert(
      fc.property(bytes, fc.nat(200), (noise, cut) => {
        const whole = signedBy(privateKey, noise).value ?? noise;
        for (const value of [noise, whole.subarray(0, cut), Buffer.concat([whole, noise])]) {
          const item = { ...signedBy(privateKey, noise), value };
          expect(flawOf(item) === null).toBe(Buffer.compare(value, whole) === 0);
          expect(readSigned(value) === null || value.length >= whole.length - noise.length).toBe(true);
        }
      }),
    );
  });
});

test('a guarded item is followed by its own renewal, or by what shows the secret', () => {
  const guard = guardOf('secret');
  const here = itemOf({ ...someRecord, guard }, 0);
  const next = { ...someRecord, guard, version: versionOf(2n), value: Uint8Array.of(2) };
  expect(mayFollow({ ...someRecord, guard, lifetimeLeftMs: 9_000 }, here, 0)).toBe(true);
  expect(mayFollow({ ...next, shown: 'secret' }, here, 0)).toBe(true);
  expect(mayFollow({ ...next, value: null, shown: 'secret' }, here, 0)).toBe(true);
  for (const shown of [null, 'guess']) {
    expect(mayFollow({ ...next, shown }, here, 0)).toBe(false);
    expect(mayFollow({ ...next, value: null, shown }, here, 0)).toBe(false);
  }
  expect(mayFollow({ ...someRecord, guard, value: Uint8Array.of(9) }, here, 0)).toBe(false);
  expect(mayFollow({ ...next, guard: null }, here, 0)).toBe(false);
  expect(mayFollow({ ...next, guard: null }, here, 1_000)).toBe(true);
  expect(mayFollow(next, itemOf(someRecord, 0), 0)).toBe(true);
});
