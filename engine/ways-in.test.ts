import { expect, test } from 'vitest';
import { OverlayError, type Transport } from '../overlay/index.ts';
import { heard } from './heard-transport.ts';
import { WaysIn } from './ways-in.ts';

/** Ways in, and what was logged about them and others. */
function waysInAt(...addresses: string[]) {
  const told: string[] = [];
  const tell = (event: string, detail: object = {}): void =>
    void told.push(`${event} ${Object.values(detail).join(' ')}`);
  const waysIn = new WaysIn(addresses, { info: tell, warn: tell, error: tell });
  return { waysIn, told };
}

const timeout = new OverlayError('timeout', 'no answer in time');

test('a failure to join tells why each member could not be reached', () => {
  const { waysIn } = waysInAt('h:2', 'h:3', 'h:4');
  expect(() => waysIn.explain(timeout)).toThrow(timeout);
  waysIn.linkDown('h:2', 'refused: nobody listens');
  waysIn.linkDown('h:4', 'timed out: no handshake within 5000 ms');
  waysIn.linkDown('h:9', 'refused: nobody listens');
  expect(() => waysIn.explain(timeout)).toThrow(
    'cannot join through h:2: nobody listens; h:4: timed out: no handshake within 5000 ms',
  );
});

test('gives up when no member will ever let the node in, and not before', async () => {
  const { waysIn } = waysInAt('h:2', 'h:3');
  let refused = 'not yet';
  const watched = waysIn.allRefused.catch((error: unknown) => {
    refused = error instanceof OverlayError ? error.code : 'bug';
  });
  waysIn.linkDown('h:2', 'refused: wrong cluster secret');
  waysIn.linkDown('h:3', 'refused: nobody listens');
  await Promise.resolve();
  expect(refused).toBe('not yet');
  waysIn.linkDown('h:3', "refused: wrong cluster: 'a' is not 'b'");
  await watched;
  expect(refused).toBe('refused');
});

test('members tried beside the seeds count like seeds, and one refusal is known', async () => {
  const { waysIn } = waysInAt('h:2');
  waysIn.add(['h:2', 'h:3']);
  let isRefused = false;
  const watched = waysIn.allRefused.catch(() => {
    isRefused = true;
  });
  waysIn.linkDown('h:3', 'refused: nobody listens');
  expect(waysIn.refusal()).toBeNull();
  waysIn.linkDown('h:2', 'refused: wrong geometry: h:2 is of chord, h:1 of bamboo');
  await Promise.resolve();
  expect(waysIn.refusal()).toMatch(/wrong geometry/);
  expect(isRefused).toBe(false);
  waysIn.linkDown('h:3', 'refused: wrong cluster secret');
  await watched;
});

test('those of another cluster where members lived are no members that refuse', () => {
  const { waysIn } = waysInAt();
  waysIn.add(['h:2', 'h:3']);
  waysIn.linkDown('h:2', "refused: wrong cluster: 'a' is not 'b'");
  expect(waysIn.refusal()).toBeNull();
  waysIn.linkDown('h:3', 'refused: wrong cluster secret');
  expect(waysIn.refusal()).toMatch(/secret/);
});

test('the node itself is no way in, whatever it is called, unless there is no other', async () => {
  const { waysIn } = waysInAt('localhost:1', 'h:1', 'h:2', 'h:3');
  waysIn.excludeSelf('h:1');
  waysIn.linkDown('localhost:1', 'refused: own address');
  waysIn.linkDown('h:2', 'refused: nobody listens');
  expect(waysIn.refusal()).toBeNull();
  expect(() => waysIn.explain(timeout)).toThrow('cannot join through h:2: nobody listens');
  waysIn.linkDown('h:2', 'refused: wrong cluster secret');
  waysIn.linkDown('h:3', 'refused: wrong cluster secret');
  await expect(waysIn.allRefused).rejects.toThrow('wrong cluster secret');

  const { waysIn: alone } = waysInAt('localhost:1');
  alone.linkDown('localhost:1', 'refused: own address');
  await expect(alone.allRefused).rejects.toThrow('own address');
});

test('tells each reason once, and of other peers and later everything', () => {
  const { waysIn, told } = waysInAt('h:2');
  for (let attempt = 0; attempt < 3; attempt++) {
    waysIn.linkDown('h:2', 'refused: nobody listens');
    waysIn.log.warn('link down', { peer: 'h:2' });
    waysIn.log.info('cannot join through seed', { seed: 'h:2' });
  }
  expect(told).toEqual(['cannot reach a member to join through h:2 refused: nobody listens']);
  waysIn.log.warn('link down', { peer: 'h:3' });
  waysIn.joined();
  waysIn.linkDown('h:2', 'broken');
  waysIn.log.warn('link down', { peer: 'h:2' });
  expect(told.slice(1)).toEqual(['link down h:3', 'link down h:2']);
});

test('a transport is heard by both', () => {
  const heardBy: string[] = [];
  let breakLink: (peer: string, reason: string) => void = () => {};
  const transport: Transport = {
    address: 'h:1',
    send: () => {},
    queuedBytes: () => 7,
    onFrame: () => {},
    onLinkDown: (receive) => {
      breakLink = receive;
    },
    reject: () => {},
    close: () => Promise.resolve(),
  };
  const both = heard(transport, (peer) => heardBy.push(`first ${peer}`));
  both.onLinkDown((peer) => heardBy.push(`second ${peer}`));
  breakLink('h:2', 'broken');
  expect(heardBy).toEqual(['first h:2', 'second h:2']);
  expect(both.queuedBytes('h:2')).toBe(7);
});
