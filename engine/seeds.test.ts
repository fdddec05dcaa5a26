import { expect, test } from 'vitest';
import { OverlayError, type Transport } from '../overlay/index.ts';
import { heard } from './heard-transport.ts';
import { Seeds } from './seeds.ts';

/** Seeds, and what was logged about them and others. */
function seedsAt(...addresses: string[]) {
  const told: string[] = [];
  const tell = (event: string, detail: object = {}): void =>
    void told.push(`${event} ${Object.values(detail).join(' ')}`);
  const seeds = new Seeds(addresses, { info: tell, warn: tell, error: tell });
  return { seeds, told };
}

const timeout = new OverlayError('timeout', 'no answer in time');

test('a failure to join tells why each seed could not be reached', () => {
  const { seeds } = seedsAt('h:2', 'h:3', 'h:4');
  expect(() => seeds.explain(timeout)).toThrow(timeout);
  seeds.linkDown('h:2', 'refused: nobody listens');
  seeds.linkDown('h:4', 'timed out: no handshake within 5000 ms');
  seeds.linkDown('h:9', 'refused: nobody listens');
  expect(() => seeds.explain(timeout)).toThrow(
    'cannot join through h:2: nobody listens; h:4: timed out: no handshake within 5000 ms',
  );
});

test('gives up when no seed will ever let the node in, and not before', async () => {
  const { seeds } = seedsAt('h:2', 'h:3');
  let refused = 'not yet';
  const watched = seeds.allRefused.catch((error: unknown) => {
    refused = error instanceof OverlayError ? error.code : 'bug';
  });
  seeds.linkDown('h:2', 'refused: wrong cluster secret');
  seeds.linkDown('h:3', 'refused: nobody listens');
  await Promise.resolve();
  expect(refused).toBe('not yet');
  seeds.linkDown('h:3', "refused: wrong cluster: 'a' is not 'b'");
  await watched;
  expect(refused).toBe('refused');
});

test('members tried beside the seeds count like seeds, and one refusal is known', async () => {
  const { seeds } = seedsAt('h:2');
  seeds.add(['h:2', 'h:3']);
  let isRefused = false;
  const watched = seeds.allRefused.catch(() => {
    isRefused = true;
  });
  seeds.linkDown('h:3', 'refused: nobody listens');
  expect(seeds.refusal()).toBeNull();
  seeds.linkDown('h:2', 'refused: wrong geometry: h:2 is of chord, h:1 of bamboo');
  await Promise.resolve();
  expect(seeds.refusal()).toMatch(/wrong geometry/);
  expect(isRefused).toBe(false);
  seeds.linkDown('h:3', 'refused: wrong cluster secret');
  await watched;
});

test('tells each reason once, and of other peers and later everything', () => {
  const { seeds, told } = seedsAt('h:2');
  for (let attempt = 0; attempt < 3; attempt++) {
    seeds.linkDown('h:2', 'refused: nobody listens');
    seeds.log.warn('link down', { peer: 'h:2' });
    seeds.log.info('cannot join through seed', { seed: 'h:2' });
  }
  expect(told).toEqual(['cannot reach a member to join through h:2 refused: nobody listens']);
  seeds.log.warn('link down', { peer: 'h:3' });
  seeds.joined();
  seeds.linkDown('h:2', 'broken');
  seeds.log.warn('link down', { peer: 'h:2' });
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
