import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Journal } from '../overlay/index.ts';
import { forgetIdentity, identify, openDataDirectory } from './data-directory.ts';

async function inScratch(use: (directory: string) => Promise<void>): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'wharf-'));
  try {
    await use(scratch);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

test('nodes that start side by side make the directories above their own together', async () => {
  await inScratch(async (scratch) => {
    for (let round = 0; round < 5; round++) {
      const names = ['a', 'b', 'c', 'd'].map((node) => join(scratch, `${round}`, 'x', 'y', node));
      const opened = await Promise.all(names.map(openDataDirectory));
      expect(opened).toHaveLength(4);
      await Promise.all(opened.map((storage) => storage.close()));
    }
  });
});

/** Who a node is in a directory, and why it takes no writes, if so. */
async function liveIn(directory: string, newId: string): Promise<{ id: string; isNew: boolean; failure: unknown }> {
  const journal = new Journal(await openDataDirectory(directory), () => {});
  const { id, isNew } = await identify(journal, directory, 'wharf', () => newId);
  await journal.close();
  return { id, isNew, failure: journal.failure };
}

const [first, second] = ['1', '2'].map((digit) => digit.repeat(40)) as [string, string];

/** What happens to a directory, who lives there afterwards, and why that one takes no writes. */
const harms: readonly [string, (directory: string) => Promise<void>, string, RegExp][] = [
  ['the database has gone', (directory) => rm(join(directory, 'store'), { recursive: true }), first, /does not exist/],
  ...['', '{', '7', '{}'].map((garbage): (typeof harms)[number] => [
    `the marker says "${garbage}"`,
    (directory) => writeFile(join(directory, 'wharf-node'), garbage),
    second,
    /its file wharf-node makes no sense/,
  ]),
];

test.each(harms)('where %s, a node lives without it and takes no writes', async (_, harm, id, why) => {
  await inScratch(async (directory) => {
    expect(await liveIn(directory, first)).toEqual({ id: first, isNew: true, failure: null });
    expect(await liveIn(directory, second)).toEqual({ id: first, isNew: false, failure: null });
    await harm(directory);
    for (let life = 0; life < 2; life++) {
      expect(await liveIn(directory, second)).toEqual({
        id,
        isNew: id === second,
        failure: expect.objectContaining({ code: 'corrupt', message: expect.stringMatching(why) }),
      });
    }
  });
});

test('a directory of before, whose marker does not tell whose it is, tells it from then on', async () => {
  await inScratch(async (directory) => {
    await liveIn(directory, first);
    const marker = join(directory, 'wharf-node');
    const told = await readFile(marker, 'utf8');
    expect(JSON.parse(told)).toEqual({ format: 2, cluster: 'wharf', id: first });
    await writeFile(marker, '{"format":2}');
    // A crash came while it was written anew.
    await writeFile(`${marker}.new`, '{"for');
    expect(await liveIn(directory, second)).toEqual({ id: first, isNew: false, failure: null });
    expect(await readFile(marker, 'utf8')).toBe(told);
  });
});

test("a new node that was not let in leaves a directory that is nobody's, of any cluster", async () => {
  await inScratch(async (directory) => {
    const journal = new Journal(await openDataDirectory(directory), () => {});
    await identify(journal, directory, 'other', () => first);
    await forgetIdentity(journal, directory);
    await journal.close();
    expect(await liveIn(directory, second)).toEqual({ id: second, isNew: true, failure: null });
  });
});
