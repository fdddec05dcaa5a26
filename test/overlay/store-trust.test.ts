import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decode, encode } from '../../overlay/codec.ts';
import { objectStoreApp, valuesApp, writesApp } from '../../overlay/control.ts';
import { type App, guardOf, type OverlayNode, publicKeyOf } from '../../overlay/index.ts';
import { resourceKey } from '../../overlay/store/items.ts';
import {
  getReply,
  getRequest,
  type ItemRecord,
  itemRecords,
  type Reading,
  valueReply,
} from '../../overlay/store/messages.ts';
import { writeRequest } from '../../overlay/write-messages.ts';
import { seedsOr } from '../support/seeds.ts';
import { bytes, hourMs, run, StoreFleet } from './store-fleet.ts';

const text = (value: Uint8Array | null | undefined): string => Buffer.from(value ?? []).toString();
const malicious = 'n3:1';

/** What a member may claim of an item that it keeps: another value, a removal, an earlier statement. */
type Lie = (record: ItemRecord, earlier: ItemRecord | undefined) => ItemRecord;

const lies: Readonly<Record<string, Lie>> = {
  'another value': (record) => ({
    ...record,
    value: record.value && Uint8Array.from(record.value, (byte) => byte ^ 1),
  }),
  'another put': (record) => ({
    ...record,
    value: bytes('forged'),
    version: 'f'.repeat(16),
    earlier: [record.version],
  }),
  'a removal': (record) => ({ ...record, value: null, version: 'f'.repeat(16) }),
  'a removal with a wrong secret': (record) => ({ ...record, value: null, shown: 'guess' }),
  'an unguarded item': (record) => ({ ...record, guard: null, value: bytes('forged') }),
  'an earlier statement': (record, earlier) => earlier ?? record,
};

/** What is removed is not told to readers. */
function readingsOf({ value, ...said }: ItemRecord): Reading[] {
  return value ? [{ ...said, value }] : [];
}

/** Has a node lie to readers and to other copies, and claim that it always has something new for them. */
function corrupt(node: OverlayNode, lie: Lie): void {
  const earliest = new Map<string, ItemRecord>();
  const nameOf = ({ resourceId, instanceId }: ItemRecord): string => JSON.stringify([resourceId, instanceId]);
  const tell = (record: ItemRecord): ItemRecord => {
    return {
      ...lie(record, earliest.get(nameOf(record))),
      writtenAtMs: record.writtenAtMs + 3_600_000,
      lifetimeLeftMs: hourMs,
    };
  };
  const remember = (chunk: Uint8Array): void => {
    for (const record of decode(itemRecords, Uint8Array.from(chunk))) {
      if (!earliest.has(nameOf(record))) earliest.set(nameOf(record), record);
    }
  };
  const { register, replicate } = node;
  node.register = (app, handlers) => {
    const { answer } = handlers;
    if (app === valuesApp) {
      register.call(node, app, { read: () => encode(valueReply, bytes('forged')) });
      return;
    }
    const answers: Readonly<Record<number, App['answer']>> = {
      [objectStoreApp]: async (from, payload) => {
        const reply = decode(getReply, (await answer?.(from, payload)) ?? new Uint8Array(0));
        if (reply.type !== 'items') return encode(getReply, reply);
        const { namespace, resourceId } = decode(getRequest, payload);
        const unread = { namespace, resourceId, earlier: [], shown: null, endsAtMs: 0 };
        const items = reply.items.flatMap((reading) => readingsOf(tell({ ...unread, ...reading })));
        return encode(getReply, { ...reply, items });
      },
      [writesApp]: async (from, payload) => {
        const request = decode(writeRequest, payload);
        if (request.type === 'apply') for (const { chunk } of request.writes) remember(chunk);
        return (await answer?.(from, payload)) ?? new Uint8Array(0);
      },
    };
    const changed = answers[app];
    register.call(node, app, changed ? { ...handlers, answer: changed } : handlers);
  };
  let digests = 0n;
  node.replicate = (kind, replicated) =>
    replicate.call(node, kind, {
      digest: (region, horizonMs) => ({ ...replicated.digest(region, horizonMs), hash: digests++ }),
      *export(regions) {
        for (const chunk of replicated.export(regions)) yield encode(itemRecords, decode(itemRecords, chunk).map(tell));
      },
      import: (chunk) => {
        remember(chunk);
        replicated.import(chunk);
      },
      drop: (region) => replicated.drop(region),
    });
}

describe.each(seedsOr('1..3'))('a member that lies (seed %i)', (seed) => {
  test.each(Object.entries(lies))('with %s convinces nobody', async (lieName, lie) => {
    const stores = await StoreFleet.start(7, {
      seed,
      prepare: (node) => {
        if (node.self.address === malicious) corrupt(node, lie);
      },
    });
    const { fleet } = stores;
    const { sim } = fleet;
    const honest = fleet.all().filter((node) => node.self.address !== malicious);
    const { privateKey } = generateKeyPairSync('ed25519');
    const publicKey = publicKeyOf(privateKey);
    const reader = stores.of(honest[0] as OverlayNode);
    const nowMs = fleet.node(0).runtime.now();
    const names: string[] = [];
    for (let i = 0; i < 12; i++) {
      names.push(await sim.runUntil(reader.putImmutable('books', bytes(`i${i}`), hourMs), run));
      await sim.runUntil(reader.put('books', `g${i}`, 'x', bytes('g'), hourMs, { guard: guardOf(`s${i}`) }), run);
      for (const sequence of [1n, 2n]) {
        const said = { value: bytes(`${sequence}`), sequence, expiresAtMs: nowMs + hourMs };
        await sim.runUntil(reader.putSigned('books', `s${i}`, said, privateKey), run);
      }
    }
    await sim.runFor(90_000); // Copies are compared with every partner, several times.

    for (let i = 0; i < 12; i++) {
      expect(text(await sim.runUntil(reader.getImmutable('books', names[i] ?? ''), run))).toBe(`i${i}`);
      const signed = await sim.runUntil(reader.getSigned('books', `s${i}`, publicKey), run);
      expect([text(signed?.value), signed?.signed?.sequence]).toEqual(['2', 2n]);
    }
    let rejected = 0;
    for (const node of honest) {
      const store = stores.of(node);
      rejected += store.counters.itemsRejected;
      for (const { resourceId, value, guard } of store.scan('books')) {
        if (resourceId.startsWith('s') && !resourceId.startsWith('sha256')) expect(text(value)).toBe('2');
        if (resourceId.startsWith('g')) expect([text(value), guard]).toEqual(['g', guardOf(`s${resourceId.slice(1)}`)]);
      }
      for (const name of [...names, ...names.map((_, i) => `g${i}`)]) {
        const isKeeper = node.replicas(resourceKey('books', name), 3).some(({ id }) => id === node.self.id);
        if (isKeeper) expect([...store.scan('books')].some(({ resourceId }) => resourceId === name)).toBe(true);
      }
    }
    // A statement that is merely old is passed over.
    if (lieName !== 'an earlier statement') expect(rejected).toBeGreaterThan(0);
  });
});
