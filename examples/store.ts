/**
 * Two nodes in this program, and data in their object store: soft state, shared counters, signed and large values.
 *
 *   npx tsx examples/store.ts
 */
import { generateKeyPairSync } from 'node:crypto';
import { absent, guardOf, OverlayError, publicKeyOf, startNode } from '../index.ts';

const minuteMs = 60_000;
const text = (value: Uint8Array | null | undefined): string => Buffer.from(value ?? []).toString();

const one = await startNode({ listen: '127.0.0.1:0' });
const other = await startNode({ listen: '127.0.0.1:0', join: [one.address] });
await Promise.all([one.ready(2), other.ready(2)]);

// A resource has many instances; each lives until its lifetime is over, unless it is renewed.
await one.store.put('services', 'printer', one.id, Buffer.from('first floor'), minuteMs);
await other.store.put('services', 'printer', other.id, Buffer.from('second floor'), minuteMs, {
  guard: guardOf('toner'),
});
const printers = await other.store.get('services', 'printer');
console.log(
  'printers:',
  printers
    .map(({ value }) => text(value))
    .sort()
    .join(', '),
);
await other.store.remove('services', 'printer', other.id, { secret: 'toner' });

// Compare-and-put: everybody counts, nobody's count is lost.
async function count(store: typeof one.store): Promise<void> {
  for (;;) {
    const [item] = await store.get('counters', 'visits');
    const next = Buffer.from(String(Number(text(item?.value)) + 1));
    try {
      await store.put('counters', 'visits', 'all', next, minuteMs, { expected: item?.version ?? absent });
      return;
    } catch (error) {
      if (!(error instanceof OverlayError && error.code === 'conflict')) throw error;
    }
  }
}
await Promise.all([one.store, other.store, one.store, other.store, one.store].map(count));
console.log('visits:', text((await one.store.get('counters', 'visits'))[0]?.value));

// Whoever reads these verifies them: the content against its name, the signature against the key.
const name = await one.store.putImmutable('notes', Buffer.from('never changes'), minuteMs);
console.log(name.slice(0, 14), text(await other.store.getImmutable('notes', name)));
const { privateKey } = generateKeyPairSync('ed25519');
const said = { value: Buffer.from('it is me'), sequence: 1n, expiresAtMs: Date.now() + minuteMs };
await one.store.putSigned('profiles', 'ada', said, privateKey);
console.log('signed:', text((await other.store.getSigned('profiles', 'ada', publicKeyOf(privateKey)))?.value));

await one.blobs.put('files', 'zeroes', 'v1', new Uint8Array(5_000_000), minuteMs);
console.log('large:', (await other.blobs.get('files', 'zeroes', 'v1'))?.length, 'bytes');

await other.stop();
await one.stop();
