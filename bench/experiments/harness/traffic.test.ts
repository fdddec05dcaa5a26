import { expect, test } from 'vitest';
import { encode } from '../../../overlay/codec.ts';
import { controlApp, controlRequest } from '../../../overlay/control.ts';
import { encodeBriefFrame, encodeFrame, type Message } from '../../../overlay/messages.ts';
import { RegionSet } from '../../../overlay/region.ts';
import { Traffic } from './traffic.ts';

const frameOf = (message: Exclude<Message, { type: 'data' }>): Uint8Array => encodeBriefFrame(7, message);

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

test('bytes of a ping go to what it carries', () => {
  const traffic = new Traffic();
  traffic.isCounting = true;
  const heartbeat = { type: 'ping', stamp: 1, seen: 0, asks: false, advert: null, view: null, entry: null } as const;
  const bare = { ...heartbeat, census: null, contacts: [] };
  const none = new RegionSet();
  const advert = {
    version: 1,
    advert: { held: RegionSet.whole(), spare: none, retired: none, lossy: none, isVolatile: false },
  };
  const contacts = [{ id: '2'.repeat(40), address: 'a:1' }];
  const [least, told, named] = [bare, { ...bare, advert }, { ...bare, contacts }].map((message) => frameOf(message));
  const lengths = [least, told, named].map((frame) => frame?.length ?? 0) as [number, number, number];
  for (const frame of [told, named]) traffic.see(frame as Uint8Array, 'a:1', 'b:1');
  const full = encodeFrame({ sender: '1'.repeat(40), incarnation: 1, isMember: true, target: null, message: bare });
  traffic.see(full, 'a:1', 'b:1');
  expect(new Map(traffic.bytes())).toEqual(
    new Map([
      ['ping', 3 * lengths[0]],
      ['advert', lengths[1] - lengths[0]],
      ['view', lengths[2] - lengths[0]],
      ['introduction', full.length - lengths[0]],
    ]),
  );
});
