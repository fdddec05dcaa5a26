import { expect, test } from 'vitest';
import { OverlayError, type Transport } from '../overlay/index.ts';
import { SeedLinks } from './seed-links.ts';

/** A transport whose links break when the test says so. */
function linksTo(...seeds: string[]) {
  let down: (peer: string, reason: string) => void = () => {};
  const transport: Transport = {
    address: 'h:1',
    send: () => {},
    queuedBytes: () => 0,
    onFrame: () => {},
    onLinkDown: (receive) => {
      down = receive;
    },
    reject: () => {},
    close: () => Promise.resolve(),
  };
  const links = new SeedLinks(transport, seeds);
  const heard: string[] = [];
  links.onLinkDown((peer, reason) => heard.push(`${peer} ${reason}`));
  return { links, heard, down: (peer: string, reason: string) => down(peer, reason) };
}

const timeout = new OverlayError('timeout', 'no answer in time');

test('a failure to join tells why each seed could not be reached', () => {
  const { links, heard, down } = linksTo('h:2', 'h:3', 'h:4');
  expect(() => links.explain(timeout)).toThrow(timeout);
  down('h:2', 'refused: nobody listens');
  down('h:4', 'timed out: no handshake within 5000 ms');
  down('h:9', 'refused: nobody listens');
  expect(() => links.explain(timeout)).toThrow(
    'cannot join through h:2: nobody listens; h:4: timed out: no handshake within 5000 ms',
  );
  expect(heard).toHaveLength(3);
});

test('gives up when no seed will ever let the node in, and not before', async () => {
  const { links, down } = linksTo('h:2', 'h:3');
  let refused = 'not yet';
  const watched = links.allRefused.catch((error: unknown) => {
    refused = error instanceof OverlayError ? error.code : 'bug';
  });
  down('h:2', 'refused: wrong cluster secret');
  down('h:3', 'refused: nobody listens');
  await Promise.resolve();
  expect(refused).toBe('not yet');
  down('h:3', "refused: wrong cluster: 'a' is not 'b'");
  await watched;
  expect(refused).toBe('refused');
});
