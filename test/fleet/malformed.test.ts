import { expect, test } from 'vitest';
import { broadcastRequest } from '../../overlay/broadcast-messages.ts';
import { encode } from '../../overlay/codec.ts';
import { broadcastApp } from '../../overlay/control.ts';
import { RegionSet } from '../../overlay/index.ts';
import { encodeFrame, type Message } from '../../overlay/messages.ts';
import { writeRequest } from '../../overlay/write-messages.ts';
import { run, SimulatedFleet } from '../support/fleet.ts';

const garbage = Uint8Array.from({ length: 100 }, (_, i) => (i * 37) % 256);
const rogue = { id: '7'.repeat(40), address: 'rogue.test:1' };

/** The engine's applications: queries, news of the catalog, rows. */
const [queries, catalog, rows] = [2, 3, 4];
const data = (app: number, payload: Uint8Array): Message => ({
  type: 'data',
  incarnation: 0,
  session: 1,
  sequence: 0,
  acknowledges: { session: 0, next: 0, sack: 0 },
  app,
  isOpening: true,
  isLast: true,
  payload,
});
const write = { type: 'write', isSoft: false, writes: [{ first: rogue.id, last: rogue.id, chunk: garbage }] } as const;
const news = {
  type: 'pass',
  origin: rogue,
  number: 1,
  app: catalog,
  depth: 0,
  ageMs: 0,
  region: RegionSet.whole(),
  payload: garbage,
} as const;

test.each<[string, Message]>([
  ['a query message', data(queries, garbage)],
  ['news of the catalog', { type: 'request', request: 1, app: broadcastApp, payload: encode(broadcastRequest, news) }],
  ['a write of rows', { type: 'request', request: 1, app: rows, payload: garbage }],
  ['a chunk of rows', { type: 'request', request: 1, app: rows, payload: encode(writeRequest, write) }],
])(
  '%s that is none closes the link it came by, is counted once, and the fleet goes on answering',
  async (_, message) => {
    const fleet = await SimulatedFleet.start({ nodes: 3, tables: () => [] }, { seed: 1 });
    // The owner of the key that is written.
    const attacked = fleet.nodes.find(({ overlay }) => overlay.owns(rogue.id));
    if (attacked === undefined) throw new Error('no node');
    const { transport } = fleet.simulation.host(rogue.address);
    const broken: string[] = [];
    transport.onFrame(() => {});
    transport.onLinkDown((peer) => broken.push(peer));
    transport.send(
      attacked.address,
      encodeFrame({ sender: rogue.id, incarnation: 1, isMember: false, target: attacked.id, message }),
    );
    await fleet.rest(2_000);
    expect(broken).toEqual([attacked.address]);
    for (const node of fleet.nodes) {
      const answer = await fleet.drive(run(node, 'SELECT sum(frames_malformed) FROM sys.nodes'));
      expect(answer.coverage).toMatchObject({ complete: true, nodesAnswered: 3 });
      expect(Number(answer.rows[0]?.[0])).toBe(1);
    }
  },
);
