import { expect, test } from 'vitest';
import { DiskMembers } from './disk-members.ts';
import { Journal } from './journal.ts';
import type { Contact } from './overlay.ts';
import type { Storage, StorageEntry } from './storage.ts';
import { contactOf, contactsOf, tableOf } from './testing/contacts.ts';
import { ManualRuntime } from './testing/manual-runtime.ts';

/** A disk that has written as soon as it is told to. */
class QuickStorage implements Storage {
  readonly #entries = new Map<string, StorageEntry>();
  rounds = 0;

  write(batch: Parameters<Storage['write']>[0]): Promise<void> {
    this.rounds += 1;
    for (const { key, value } of batch) if (value) this.#entries.set(key.join(), { key, value });
    return Promise.resolve();
  }
  async *entries(): AsyncGenerator<StorageEntry> {
    yield* this.#entries.values();
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

test('the first members are on disk at once, later ones within a second', async () => {
  const runtime = new ManualRuntime();
  const storage = new QuickStorage();
  const table = tableOf(contactOf(0), []);
  const members = new DiskMembers(runtime, new Journal(storage, () => {}), table);
  const onDisk = () => new DiskMembers(runtime, new Journal(storage, () => {}), table).recover();
  members.changed();
  await runtime.pass(2_000);
  expect(await onDisk()).toEqual([]);
  const [first, ...others] = contactsOf(5, 1);
  table.heard(first as (typeof others)[number]);
  members.changed();
  await runtime.pass(0);
  expect(await onDisk()).toEqual([first]);
  for (const other of others) {
    table.heard(other);
    members.changed();
  }
  await runtime.pass(999);
  expect(await onDisk()).toEqual([first]);
  await runtime.pass(1);
  expect((await onDisk()).length).toBe(5);
  expect(storage.rounds).toBe(2);
});

test('the last member is remembered when it has failed, and forgotten when it has left', async () => {
  const runtime = new ManualRuntime();
  const storage = new QuickStorage();
  const [one, two] = contactsOf(2, 1) as [Contact, Contact];
  const table = tableOf(contactOf(0), [one, two]);
  const members = new DiskMembers(runtime, new Journal(storage, () => {}), table);
  const onDisk = () => new DiskMembers(runtime, new Journal(storage, () => {}), table).recover();
  members.changed();
  table.remove(two.id);
  members.changed();
  await runtime.pass(1_000);
  table.remove(one.id);
  members.changed();
  await runtime.pass(1_000);
  expect(await onDisk()).toEqual([one]);
  table.heard(one);
  members.changed();
  table.remove(one.id);
  members.left();
  members.changed();
  await runtime.pass(1_000);
  expect(await onDisk()).toEqual([]);
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
  expect(await onDisk()).toEqual([one]);
});
