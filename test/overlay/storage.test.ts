import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { Journal, LevelStorage, type Storage, type StorageWrite } from '../../overlay/index.ts';
import { Simulation } from '../../simulator/index.ts';

/** A disk with everything that one implementation needs. */
interface Bench {
  /** A new life on the same disk; the one before has ended. */
  open(): Promise<Storage>;
  drive<T>(promise: Promise<T>): Promise<T>;
}

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'wharf-storage-'));
  folders.push(folder);
  return join(folder, 'store');
}

async function levelBench(): Promise<Bench> {
  const directory = await scratch();
  return { open: () => LevelStorage.open(directory), drive: (promise) => promise };
}

async function simulatedBench(): Promise<Bench> {
  const sim = new Simulation({ seed: 1 });
  sim.host('a:1');
  return {
    open: async () => sim.disk('a:1').open(sim.restart('a:1').runtime),
    drive: async (promise) => (await sim.runUntil(promise, { virtualMsMax: 1_000 })) as never,
  };
}

async function all(storage: Storage, prefix: number): Promise<[string, string][]> {
  const entries: [string, string][] = [];
  for await (const { key, value } of storage.entries(prefix)) {
    entries.push([Buffer.from(key).toString('hex'), Buffer.from(value).toString('hex')]);
  }
  return entries;
}

describe.each([
  ['LevelDB', levelBench],
  ['a simulated disk', simulatedBench],
] as const)('storage: %s', (_name, bench) => {
  test('holds what was written, in the order of the keys, in this life and the next', async () => {
    const key = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.uint8Array({ maxLength: 3 }));
    const write = fc.record({ key, value: fc.option(fc.uint8Array({ maxLength: 40 })) });
    const batches = fc.array(fc.array(write, { maxLength: 8 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(batches, async (rounds) => {
        const disk = await bench();
        const model = new Map<string, string>();
        let storage = await disk.open();
        for (const round of rounds) {
          const batch = round.map((each): StorageWrite => {
            const bytes = Uint8Array.of(each.key[0], ...each.key[1]);
            const name = Buffer.from(bytes).toString('hex');
            if (each.value) model.set(name, Buffer.from(each.value).toString('hex'));
            else model.delete(name);
            return { key: bytes, value: each.value };
          });
          await disk.drive(storage.write(batch));
        }
        for (let life = 0; life < 2; life++) {
          for (const prefix of [1, 2, 3]) {
            const start = Buffer.of(prefix).toString('hex');
            const expected = [...model].filter(([name]) => name.startsWith(start)).sort(([a], [b]) => (a < b ? -1 : 1));
            expect(await all(storage, prefix)).toEqual(expected);
          }
          await storage.close();
          storage = await disk.open();
        }
        await storage.close();
      }),
      { numRuns: 15 },
    );
  });

  test('a reading is not disturbed by writes', async () => {
    const disk = await bench();
    const storage = await disk.open();
    const batch = Array.from({ length: 300 }, (_, i) => ({
      key: Uint8Array.of(1, i >> 8, i & 255),
      value: Uint8Array.of(i & 255),
    }));
    await disk.drive(storage.write(batch));
    const reading = storage.entries(1)[Symbol.asyncIterator]();
    await reading.next();
    await disk.drive(storage.write(batch.map(({ key }) => ({ key, value: null }))));
    let count = 1;
    while (!(await reading.next()).done) count += 1;
    expect(count).toBe(300);
    expect(await all(storage, 1)).toEqual([]);
    await storage.close();
  });
});

test('one directory has one user at a time', async () => {
  const directory = await scratch();
  const first = await LevelStorage.open(directory);
  await expect(LevelStorage.open(directory)).rejects.toMatchObject({ name: 'StorageError', code: 'locked' });
  await first.close();
  await (await LevelStorage.open(directory)).close();
});

test('a database without the file that names its parts is damaged, and left as it is', async () => {
  const directory = await scratch();
  for (let life = 0; life < 2; life++) {
    const storage = await LevelStorage.open(directory);
    await storage.write([{ key: Uint8Array.of(1, life), value: new Uint8Array(100) }]);
    await storage.close();
  }
  await rename(join(directory, 'CURRENT'), join(directory, 'elsewhere'));
  const before = (await readdir(directory)).sort();
  await expect(LevelStorage.open(directory)).rejects.toMatchObject({ name: 'StorageError', code: 'corrupt' });
  expect((await readdir(directory)).sort()).toEqual(before);
  await rename(join(directory, 'elsewhere'), join(directory, 'CURRENT'));
  const again = await LevelStorage.open(directory);
  expect(await all(again, 1)).toHaveLength(2);
  await again.close();
});

test('a log that was torn off in the middle of a write keeps what was acknowledged before', async () => {
  const directory = await scratch();
  const storage = await LevelStorage.open(directory);
  for (let i = 0; i < 50; i++) await storage.write([{ key: Uint8Array.of(1, i), value: new Uint8Array(100).fill(i) }]);
  await storage.close();
  const [name] = (await readdir(directory))
    .filter((file) => file.endsWith('.log'))
    .sort()
    .reverse();
  const file = await open(join(directory, name ?? ''), 'r+');
  await file.truncate((await file.stat()).size - 30);
  await file.close();
  const again = await LevelStorage.open(directory);
  const entries = await all(again, 1);
  expect(entries).toHaveLength(49);
  expect(entries.at(-1)?.[1]).toBe('30'.repeat(100));
  await again.close();
});

/** What a node would find: by prefix and key, in hexadecimal digits. Null when the damage is noticed. */
async function whatIsTaken(directory: string): Promise<Record<string, string> | null> {
  let storage: LevelStorage | null = null;
  try {
    storage = await LevelStorage.open(directory);
    const journal = new Journal(storage, () => {});
    const found: Record<string, string> = {};
    for (const prefix of [1, 2]) {
      for await (const { key, value } of journal.read(prefix)) {
        found[Buffer.from(key).toString('hex')] = Buffer.from(value).toString('hex');
      }
    }
    return journal.failure ? null : found;
  } catch (error) {
    expect(error).toMatchObject({ name: 'StorageError', code: 'corrupt' });
    return null;
  } finally {
    await storage?.close();
  }
}

test('no byte of a database can change without being noticed, unless nothing depends on it', async () => {
  const directory = await scratch();
  for (let life = 0; life < 2; life++) {
    const storage = await LevelStorage.open(directory);
    const journal = new Journal(storage, () => {});
    for (const prefix of [1, 2]) for await (const _ of journal.read(prefix));
    for (let i = 0; i < 40; i++) {
      // Changed again and again, removed, and put once.
      journal.write(Uint8Array.of(1, i % 7), new Uint8Array(20).fill(i + life));
      if (i % 5 === 0) journal.write(Uint8Array.of(1, (i + 3) % 7), null);
      await journal.flushed();
      // Others only touch this, and a few span blocks of the log.
      journal.write(Uint8Array.of(2, life, i), new Uint8Array(i % 10 === 0 ? 50_000 : 50).fill(i));
      await journal.flushed();
    }
    await storage.close();
  }
  const sound = join(directory, '..', 'sound');
  await cp(directory, sound, { recursive: true });
  const before = await whatIsTaken(directory);
  expect(Object.keys(before ?? {}).length).toBeGreaterThan(80);
  const files = (await readdir(sound)).filter((name) => /\.(log|ldb)$|^(MANIFEST|CURRENT|acknowledged)/.test(name));
  expect(files.length).toBe(5);
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(sound, name))).size));
  const places = fc.integer({ min: 0, max: files.length - 1 }).chain((file) =>
    fc.record({
      name: fc.constant(files[file] as string),
      at: fc.integer({ min: 0, max: Math.max(0, (sizes[file] as number) - 1) }),
      bit: fc.integer({ min: 0, max: 7 }),
    }),
  );
  let noticed = 0;
  await fc.assert(
    fc.asyncProperty(places, async ({ name, at, bit }) => {
      const harmed = join(directory, '..', 'harmed');
      await rm(harmed, { recursive: true, force: true });
      await cp(sound, harmed, { recursive: true });
      const bytes = await readFile(join(harmed, name));
      if (bytes.length === 0) return;
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      await writeFile(join(harmed, name), bytes);
      const taken = await whatIsTaken(harmed);
      if (taken) expect(taken).toEqual(before);
      else noticed += 1;
    }),
    { numRuns: 200 },
  );
  expect(noticed).toBeGreaterThan(50);
});

test('a database that lost its log, and what tells of it, is damaged', async () => {
  const directory = await scratch();
  const storage = await LevelStorage.open(directory);
  for (let i = 0; i < 5; i++) await storage.write([{ key: Uint8Array.of(1, i), value: Uint8Array.of(i) }]);
  await storage.close();
  await (await LevelStorage.open(directory)).close();
  const log = await LevelStorage.open(directory);
  await log.write([{ key: Uint8Array.of(1, 9), value: Uint8Array.of(9) }]);
  await log.close();
  for (const name of await readdir(directory)) if (/\.log$|^acknowledged$/.test(name)) await rm(join(directory, name));
  const again = await LevelStorage.open(directory);
  expect(again.failure?.message).toBe('the data on disk is damaged: acknowledged is missing or damaged');
  await again.close();
});

test('a database that has been compacted, and one beside which a crash left a part of a table, are whole', async () => {
  const directory = await scratch();
  const keys = 40;
  for (let life = 0; life < 3; life++) {
    const storage = await LevelStorage.open(directory);
    for (let round = 0; round < 3; round++) {
      const value = (key: number): Uint8Array => randomBytes(100_000).fill(key, 0, 50_000);
      await storage.write(
        Array.from({ length: keys }, (_, key) => ({ key: Uint8Array.of(1, key), value: value(key) })),
      );
    }
    await storage.close();
  }
  const tables = (await readdir(directory)).filter((name) => name.endsWith('.ldb'));
  expect(tables.length).toBeGreaterThan(1);
  // More was written than is there: some tables were merged.
  expect(tables.length).toBeLessThan(9);
  await writeFile(join(directory, '009999.ldb'), randomBytes(10_000));
  const storage = await LevelStorage.open(directory);
  expect(await all(storage, 1)).toHaveLength(keys);
  await storage.close();
});

test('a simulated disk keeps all of the write that a crash cut short, or nothing', async () => {
  const kept = new Set<number>();
  for (let seed = 1; seed <= 12; seed++) {
    const sim = new Simulation({ seed });
    const storage = sim.disk('a:1').open(sim.host('a:1').runtime);
    await sim.runUntil(storage.write([{ key: Uint8Array.of(1, 0), value: Uint8Array.of(0) }]), { virtualMsMax: 100 });
    void storage.write([1, 2].map((n) => ({ key: Uint8Array.of(1, n), value: Uint8Array.of(n) })));
    sim.crash('a:1');
    await sim.runFor(100);
    kept.add((await all(sim.disk('a:1').open(sim.restart('a:1').runtime), 1)).length);
  }
  expect([...kept].sort()).toEqual([1, 3]);
});

test('a database beside which nothing can be counted is not opened, and is none the worse for it', async () => {
  const directory = await scratch();
  await mkdir(directory);
  const inTheWay = join(directory, 'acknowledged');
  await mkdir(inTheWay);
  await expect(LevelStorage.open(directory)).rejects.toMatchObject({ name: 'StorageError', code: 'io' });
  await rmdir(inTheWay);
  const storage = await LevelStorage.open(directory);
  expect(storage.failure).toBeNull();
  await storage.close();
});
