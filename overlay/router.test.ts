import { expect, test } from 'vitest';
import { overlayDefaults } from './defaults.ts';
import { ContactTable } from './geometry/contact-table.ts';
import { keyOf } from './keys.ts';
import type { Contact, Key } from './overlay.ts';
import { Router, type RouterOutput } from './router.ts';

const contact = (i: number): Contact => ({ id: keyOf(`node ${i}`), address: `n${i}:1` });
const runtime = { now: () => 0, random: () => 0.5, after: () => ({ cancel: () => {} }) };

test('members that left a ping unanswered are the last to be tried', () => {
  const table = new ContactTable(contact(0), overlayDefaults);
  for (let i = 1; i <= 40; i++) table.heard(contact(i));
  const suspects = new Set<Key>();
  const output: RouterOutput = {
    isMember: () => true,
    isSuspect: (id) => suspects.has(id),
    timeoutMs: () => 100,
    ask: () => Promise.reject(new Error('nobody is asked')),
    deliver: () => {},
    forward: () => ({ kind: 'continue' }),
  };
  const router = new Router(runtime, overlayDefaults, table, output, () => {});
  for (let i = 0; i < 50; i++) {
    const key = keyOf(`key ${i}`);
    suspects.clear();
    const hops = router.find(key).nearer.map(({ id }) => id);
    if (hops.length < 3) continue;
    suspects.add(hops[0] as Key).add(hops[2] as Key);
    const again = router.find(key).nearer.map(({ id }) => id);
    expect(again).toEqual([...hops.filter((id) => !suspects.has(id)), hops[0], hops[2]]);
  }
});
