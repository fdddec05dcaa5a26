import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDataDirectory } from './data-directory.ts';

test('nodes that start side by side make the directories above their own together', async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'wharf-'));
  try {
    for (let round = 0; round < 5; round++) {
      const names = ['a', 'b', 'c', 'd'].map((node) => join(scratch, `${round}`, 'x', 'y', node));
      const opened = await Promise.all(names.map(openDataDirectory));
      expect(opened).toHaveLength(4);
      await Promise.all(opened.map((storage) => storage.close()));
    }
  } finally {
    await rm(scratch, { recursive: true });
  }
});

test('a directory whose database has gone is damaged, not new', async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'wharf-'));
  try {
    await (await openDataDirectory(scratch)).close();
    await (await openDataDirectory(scratch)).close();
    await rm(join(scratch, 'store'), { recursive: true });
    for (let life = 0; life < 2; life++) {
      await expect(openDataDirectory(scratch)).rejects.toMatchObject({ name: 'StorageError', code: 'corrupt' });
    }
  } finally {
    await rm(scratch, { recursive: true });
  }
});

test.each(['', '{', '7', '{}'])(
  'a directory whose marker says %j is damaged, not of another version',
  async (garbage) => {
    const scratch = await mkdtemp(join(tmpdir(), 'wharf-'));
    try {
      await (await openDataDirectory(scratch)).close();
      await writeFile(join(scratch, 'wharf-node'), garbage);
      await expect(openDataDirectory(scratch)).rejects.toMatchObject({ name: 'StorageError', code: 'corrupt' });
    } finally {
      await rm(scratch, { recursive: true });
    }
  },
);
