import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Batch, batchFromRows, batchToRows, decodeBatch, types } from '../../columnar/index.ts';
import type { Contact, Overlay } from '../../overlay/index.ts';
import { ExchangeOutput } from './exchange.ts';
import { creditBytes, Outbox } from './outbox.ts';
import { ReportBuilder } from './report.ts';

const schema = {
  fields: [
    { name: 'k', type: types.int4 },
    { name: 's', type: types.text },
  ],
};
const contactOf = (i: number): Contact => ({ id: String(i).padStart(40, '0'), address: `node-${i}:1` });

interface Sent {
  readonly to: string;
  readonly sequence: number;
  readonly batch: Uint8Array;
}

/** An exchange whose network is an array, and whose peers die when told to. */
function exchangeTo(count: number, self: Contact) {
  const sent: Sent[] = [];
  const local: Batch[] = [];
  const watchers = new Map<string, (reason: string) => void>();
  const report = new ReportBuilder();
  const overlay = {
    watch: (peer: Contact, onLost: (reason: string) => void) => {
      watchers.set(peer.id, onLost);
      return () => void watchers.delete(peer.id);
    },
  } as unknown as Overlay;
  const outbox = new Outbox(
    overlay,
    (to, sequence, batch) => void sent.push({ to: to.id, sequence, batch }),
    report,
    () => {},
  );
  const destinations = Array.from({ length: count }, (_, i) => contactOf(i));
  const output = new ExchangeOutput(
    { schema, keys: [0] },
    destinations,
    self.id,
    outbox,
    (batch) => void local.push(batch),
  );
  return { output, outbox, sent, local, watchers, report };
}

const elsewhere = contactOf(999);

describe('an exchange', () => {
  test('sends every row exactly once, and equal keys to one node', () => {
    const rows = fc.array(fc.tuple(fc.option(fc.integer({ min: -20, max: 20 })), fc.string({ maxLength: 5 })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(fc.array(rows, { maxLength: 4 }), fc.integer({ min: 1, max: 9 }), (batches, count) => {
        const { output, sent, local } = exchangeTo(count, contactOf(0));
        for (const batch of batches) output.push(batchFromRows(schema, batch));
        output.complete();
        const arrived = [
          ...local.flatMap((batch) => batchToRows(batch).map((row) => ({ to: contactOf(0).id, row }))),
          ...sent.flatMap(({ to, batch }) => batchToRows(decodeBatch(schema, batch)).map((row) => ({ to, row }))),
        ];
        const sorted = (list: readonly unknown[]): string[] => list.map((row) => JSON.stringify(row)).sort();
        expect(sorted(arrived.map(({ row }) => row))).toEqual(sorted(batches.flat()));
        const homes = new Map<unknown, string>();
        for (const { to, row } of arrived) expect(homes.get(row[0]) ?? to).toBe(homes.set(row[0], to).get(row[0]));
      }),
    );
  });

  test('is quiet only when what it sent is settled', () => {
    const { output, outbox, sent } = exchangeTo(2, elsewhere);
    output.push(
      batchFromRows(schema, [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
        [4, 'd'],
      ]),
    );
    expect(output.quiet).toBe(false);
    output.flush();
    expect(output.quiet).toBe(false);
    for (const { to, sequence } of sent) outbox.settled({ id: to, address: '' }, sequence, false);
    expect(output.quiet).toBe(true);
  });

  test('holds its producer back while a destination is behind, and lets it go on after', async () => {
    const { output, outbox, sent } = exchangeTo(1, elsewhere);
    const wide = batchFromRows(schema, [[1, 'x'.repeat(creditBytes)]]);
    expect(output.congested).toBe(false);
    output.push(wide);
    expect(output.congested).toBe(true);
    let resumed = false;
    const waiting = output.drained().then(() => {
      resumed = true;
    });
    await Promise.resolve();
    expect(resumed).toBe(false);
    for (const { to, sequence } of sent) outbox.settled({ id: to, address: '' }, sequence, false);
    await waiting;
    expect(output.congested).toBe(false);
  });

  test('turns a dead destination into a counted loss, never into waiting', async () => {
    const { output, sent, watchers, report } = exchangeTo(1, elsewhere);
    output.push(batchFromRows(schema, [[1, 'x'.repeat(creditBytes)]]));
    const waiting = output.drained();
    watchers.get(sent[0]?.to ?? '')?.('gone');
    await waiting;
    expect(output.quiet).toBe(true);
    output.push(batchFromRows(schema, [[1, 'too late']]));
    output.flush();
    expect(sent).toHaveLength(1);
    expect(report.take()).toMatchObject({ batchesLost: 2 });
  });

  test('counts rows that were lost behind the receiver', () => {
    const { output, outbox, sent, report } = exchangeTo(1, elsewhere);
    output.push(batchFromRows(schema, [[1, 'a']]));
    output.flush();
    outbox.settled({ id: sent[0]?.to ?? '', address: 'b:1' }, sent[0]?.sequence ?? 0, true);
    expect(report.take()).toMatchObject({ batchesLost: 1 });
  });
});
