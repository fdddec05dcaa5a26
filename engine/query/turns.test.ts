import { expect, test } from 'vitest';
import { ManualRuntime } from '../../overlay/testing/manual-runtime.ts';
import { Turns, turnMs } from './turns.ts';

/** Works on everything, each row taking so long; returns the sizes of the parts of each turn. */
async function turnsOf(rows: number, rowMs: number): Promise<number[][]> {
  const runtime = new ManualRuntime();
  const turns = new Turns(runtime);
  const sizes: number[][] = [];
  for (let left = rows; left > 0; ) {
    const turn: number[] = [];
    while (left > 0 && !turns.isOver) {
      const part = Math.min(left, turns.rows);
      turns.run(() => {
        runtime.nowMs += part * rowMs;
      });
      turn.push(part);
      left -= part;
    }
    sizes.push(turn);
    await runtime.pass(0);
  }
  return sizes;
}

const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

test('rows that cost nothing are worked on in one turn', async () => {
  expect(await turnsOf(1_000_000, 0)).toHaveLength(1);
});

test('rows that cost much are worked on in small parts, and a turn ends soon', async () => {
  const turns = await turnsOf(20_000, 0.1);
  expect(sum(turns.map(sum))).toBe(20_000);
  for (const turn of turns.slice(10)) expect(0.1 * sum(turn)).toBeLessThan(2 * turnMs);
});
