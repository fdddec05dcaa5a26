import { expect, test } from 'vitest';
import { DiskMembers } from './disk-members.ts';
import { Journal } from './journal.ts';
import type { Contact } from './overlay.ts';
import { contactOf, contactsOf, tableOf } from './testing/contacts.ts';
import { ManualRuntime } from './testing/manual-runtime.ts';
import { MemoryStorage } from './testing/memory-storage.ts';

/** The members that a next life would find. */
function onDisk(runtime: ManualRuntime, storage: MemoryStorage): Promise<readonly Contact[]> {
  return new DiskMembers(runtime, new Journal(storage, () => {}), tableOf(contactOf(0), [])).recover();
}

test('the first members are on disk at once, later ones within a second', async () => {
  const runtime = new ManualRuntime();
  const storage = new MemoryStorage();
  const table = tableOf(contactOf(0), []);
  const members = new DiskMembers(runtime, new Journal(storage, () => {}), table);
  await members.recover();
  members.changed();
  await runtime.pass(2_000);
  expect(await onDisk(runtime, storage)).toEqual([]);
  const [first, ...others] = contactsOf(5, 1);
  table.heard(first as (typeof others)[number]);
  members.changed();
  await runtime.pass(0);
  expect(await onDisk(runtime, storage)).toEqual([first]);
  for (const other of others) {
    table.heard(other);
    members.changed();
  }
  await runtime.pass(999);
  expect(await onDisk(runtime, storage)).toEqual([first]);
  await runtime.pass(1);
  expect((await onDisk(runtime, storage)).length).toBe(5);
  expect(storage.rounds).toBe(2);
});

test('the last member is remembered when it has failed, and forgotten when it has left', async () => {
  const runtime = new ManualRuntime();
  const storage = new MemoryStorage();
  const [one, two] = contactsOf(2, 1) as [Contact, Contact];
  const table = tableOf(contactOf(0), [one, two]);
  const members = new DiskMembers(runtime, new Journal(storage, () => {}), table);
  await members.recover();
  members.changed();
  table.remove(two.id);
  members.changed();
  await runtime.pass(1_000);
  table.remove(one.id);
  members.changed();
  await runtime.pass(1_000);
  expect(await onDisk(runtime, storage)).toEqual([one]);
  table.heard(one);
  members.changed();
  table.remove(one.id);
  members.left();
  members.changed();
  await runtime.pass(1_000);
  expect(await onDisk(runtime, storage)).toEqual([]);
  // Who fails before it is written is not written, but neither is that nobody was there.
  table.heard(one);
  members.changed();
  await runtime.pass(1_000);
  table.heard(two);
  members.changed();
  table.remove(two.id);
  table.remove(one.id);
  members.changed();
  await runtime.pass(1_000);
  expect(await onDisk(runtime, storage)).toEqual([one]);
});
