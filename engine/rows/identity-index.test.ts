import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IdentityIndex } from './identity-index.ts';

const hash = fc.oneof(fc.constantFrom(0, 1, 15, 16, 0xffffffff), fc.integer({ min: 0, max: 0xffffffff }));
const command = fc.record({ kind: fc.constantFrom('insert', 'insert', 'remove', 'move'), hash, pick: fc.nat() });

test('finds what was inserted and neither removed nor moved, whatever collides', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const index = new IdentityIndex();
      const model: { hash: number; segment: number; row: number }[] = [];
      for (const [row, { kind, hash: wanted, pick }] of commands.entries()) {
        const chosen = model[pick % Math.max(model.length, 1)];
        if (kind === 'insert' || !chosen) {
          index.insert(wanted, 7, row);
          model.push({ hash: wanted, segment: 7, row });
        } else if (kind === 'move') {
          expect(index.move(chosen.hash, { ...chosen }, { segment: 8, row })).toBe(true);
          chosen.segment = 8;
          chosen.row = row;
        } else {
          expect(index.remove(chosen.hash, { ...chosen })).toBe(true);
          expect(index.remove(chosen.hash, { ...chosen })).toBe(false);
          model.splice(model.indexOf(chosen), 1);
        }
        expect(index.entries).toBe(model.length);
        for (const entry of model) {
          const found = index.find(entry.hash, (s, r) => s === entry.segment && r === entry.row);
          expect(found).toEqual({ segment: entry.segment, row: entry.row });
        }
      }
    }),
  );
});
