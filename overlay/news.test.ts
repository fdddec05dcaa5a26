import { expect, test } from 'vitest';
import { keyAt } from './keys.ts';
import { NewsQueue } from './news.ts';
import type { Contact } from './overlay.ts';

const contact = (i: number): Contact => ({ id: keyAt(BigInt(i)), address: `n${i}:1` });

test('news is told so many times, freshest first, never to the one it is about', () => {
  const news = new NewsQueue(10);
  news.add('failed', contact(1), 1_000, 2);
  news.add('joined', contact(2), 1_500, 3);
  expect(news.tell(contact(1).id, 5, 2_000)).toEqual([{ kind: 'joined', contact: contact(2), agoMs: 500 }]);
  expect(news.tell(null, 1, 2_000)).toHaveLength(1);
  expect(news.tell(null, 5, 2_000)).toHaveLength(2);
  expect(news.tell(null, 5, 2_000)).toHaveLength(1);
  expect(news.tell(null, 5, 2_000)).toEqual([]);
});

test('later news of a member replaces earlier, and the oldest gives way', () => {
  const news = new NewsQueue(2);
  news.add('joined', contact(1), 0, 9);
  news.add('failed', contact(1), 10, 9);
  expect(news.tell(null, 5, 10).map(({ kind }) => kind)).toEqual(['failed']);
  news.add('joined', contact(2), 20, 9);
  news.add('joined', contact(3), 30, 9);
  expect(
    news
      .tell(null, 5, 30)
      .map((one) => one.contact.address)
      .sort(),
  ).toEqual(['n2:1', 'n3:1']);
});
