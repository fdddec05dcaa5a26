import { expect, test } from 'vitest';
import { batchFromRows, batchToRows, types } from '../../columnar/index.ts';
import { answerBytesMax, BatchQueue } from './batch-queue.ts';

const schema = { fields: [{ name: 's', type: types.text }] };
const batchOf = (text: string) => batchFromRows(schema, [[text]]);

test('gives batches in order, then the end', async () => {
  const queue = new BatchQueue(() => {});
  queue.push(batchOf('a'));
  const waiting = Promise.all([queue.next(), queue.next()]);
  queue.push(batchOf('b'));
  expect((await waiting).map((batch) => batch && batchToRows(batch))).toEqual([[['a']], [['b']]]);
  queue.end();
  expect(await queue.next()).toBeNull();
});

test('is congested while the client is far behind, and says when it is not any more', async () => {
  let drained = 0;
  const queue = new BatchQueue(() => {
    drained += 1;
  });
  queue.push(batchOf('x'.repeat(answerBytesMax)));
  expect(queue.congested).toBe(true);
  await queue.next();
  expect([queue.congested, drained]).toEqual([false, 1]);
});

test('a failure reaches who waits, and rows before it are withheld', async () => {
  const queue = new BatchQueue(() => {});
  const waiting = queue.next();
  queue.fail(new Error('no'));
  await expect(waiting).rejects.toThrow('no');
  const other = new BatchQueue(() => {});
  other.push(batchOf('a'));
  other.fail(new Error('no'));
  await expect(other.next()).rejects.toThrow('no');
});
