import { describe, expect, test } from 'vitest';
import { decode, encode } from './codec.ts';
import { findReply, findRequest } from './control.ts';
import { answerFind } from './control-calls.ts';
import { keyOf } from './keys.ts';
import type { Contact } from './overlay.ts';

const key = keyOf('wanted');
const [first, second] = ['first', 'second'].map((name) => ({ id: keyOf(name), address: `${name}:1` })) as [
  Contact,
  Contact,
];

/** Asks a member that knows two others nearer to the key; returns whom it then suspects. */
function suspectedAfter(inVain: boolean, suspects: readonly Contact[] = []): Contact[] {
  const suspected: Contact[] = [];
  const reply = { isOwner: false, isHeir: false, nearer: [first, second] };
  const membership = {
    isSuspect: (id: string) => suspects.some((contact) => contact.id === id),
    suspect: (contact: Contact) => suspected.push(contact),
  };
  const answerers = { membership, router: { find: () => reply } } as unknown as Parameters<typeof answerFind>[0];
  expect(decode(findReply, answerFind(answerers, encode(findRequest, { key, inVain })))).toEqual(reply);
  return suspected;
}

describe('whoever is asked for an owner', () => {
  test('names who is nearer, and suspects nobody', () => expect(suspectedAfter(false)).toEqual([]));

  test('by one whom somebody did not answer, looks at the nearest', () =>
    expect(suspectedAfter(true)).toEqual([first]));

  test('looks at nobody else while one of them is suspect', () => expect(suspectedAfter(true, [second])).toEqual([]));
});
