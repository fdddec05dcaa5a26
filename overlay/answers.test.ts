import { expect, test } from 'vitest';
import { Answers, type RequestName } from './answers.ts';
import { keyOf } from './keys.ts';
import type { ReplyMessage } from './messages.ts';

const options = { answersRememberedMs: 1_000, answersMax: 100, answersBytesMax: 10_000 };
const asker = keyOf('asker');

function named(request: number, incarnation = 1): RequestName {
  return { asker, incarnation, request };
}

function reply(request: number, bytes = 10): ReplyMessage {
  return { type: 'reply', request, outcome: 'ok', payload: new Uint8Array(bytes) };
}

function answer(answers: Answers, name: RequestName, message: ReplyMessage, nowMs: number): void {
  answers.begin(name);
  answers.give(name, message, nowMs);
}

test('a request is new, then in work, then answered; to each life of each asker by itself', () => {
  const answers = new Answers(options);
  expect(answers.find(named(7))).toBeUndefined();
  answers.begin(named(7));
  expect([answers.find(named(7)), answers.inWork]).toEqual([null, 1]);
  const message = reply(7);
  answers.give(named(7), message, 0);
  expect([answers.find(named(7)), answers.inWork, answers.remembered]).toEqual([message, 0, 1]);
  expect(answers.find(named(8))).toBeUndefined();
  expect(answers.find(named(7, 2))).toBeUndefined();
  expect(answers.find({ ...named(7), asker: keyOf('another') })).toBeUndefined();
});

test('a request that is abandoned is new again', () => {
  const answers = new Answers(options);
  answers.begin(named(7));
  answers.abandon(named(7));
  expect([answers.find(named(7)), answers.inWork, answers.remembered]).toEqual([undefined, 0, 0]);
});

test('the oldest answers are forgotten: too many, too large, or too long ago', () => {
  const answers = new Answers(options);
  for (let i = 0; i < 5_000; i++) {
    answer(answers, named(i, i % 3), reply(i), 0);
    expect(answers.remembered).toBe(Math.min(i + 1, 100));
  }
  const isKnown = (i: number): boolean => answers.find(named(i, i % 3)) !== undefined;
  expect([isKnown(4_899), isKnown(4_900), isKnown(4_999)]).toEqual([false, true, true]);

  answer(answers, named(5_000, 5_000 % 3), reply(5_000, 9_500), 500);
  expect([answers.remembered, isKnown(4_949), isKnown(4_950)]).toEqual([51, false, true]);

  answer(answers, named(5_001, 5_001 % 3), reply(5_001), 1_001);
  expect([answers.remembered, isKnown(4_999), isKnown(5_000)]).toEqual([2, false, true]);
});
