import { expect, test } from 'vitest';
import { encode } from '../../../overlay/codec.ts';
import { controlApp, controlRequest } from '../../../overlay/control.ts';
import { encodeFrame, type Message } from '../../../overlay/messages.ts';
import { Traffic } from './traffic.ts';

function frameOf(message: Message): Uint8Array {
  return encodeFrame({ sender: '1'.repeat(40), incarnation: 1, isMember: true, target: null, message });
}

test('bytes go to what they are for, answers to what was asked', () => {
  const traffic = new Traffic();
  const payload = encode(controlRequest, { type: 'join', contactsMax: 3 });
  const asked = frameOf({ type: 'request', request: 7, app: controlApp, payload });
  const answered = frameOf({ type: 'reply', request: 7, outcome: 'ok', payload: new Uint8Array(100) });
  const gossip = frameOf({ type: 'gossip', number: 1, news: [] });
  traffic.see(asked, 'a:1', 'b:1');
  expect(traffic.bytes().size).toBe(0);
  traffic.isCounting = true;
  traffic.see(asked, 'a:1', 'b:1');
  traffic.see(answered, 'b:1', 'a:1');
  // Somebody else's question of the same number, of which nothing is known.
  traffic.see(answered, 'b:1', 'c:1');
  traffic.see(gossip, 'a:1', 'b:1');
  expect([...traffic.bytes()]).toEqual([
    ['join', asked.length + answered.length],
    ['other', answered.length],
    ['gossip', gossip.length],
  ]);
});
