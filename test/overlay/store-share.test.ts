import { expect, test } from 'vitest';
import { OverlayError } from '../../overlay/index.ts';
import { seedsOr } from '../support/seeds.ts';
import { run, StoreFleet } from './store-fleet.ts';

const second = 1_000;
const valueBytes = 1_000;
const options = { valueBytesMax: valueBytes, lifetimeMaxMs: 100 * second, storageBytesMax: 100_000 };

test.each(seedsOr('1..3'))('a greedy writer leaves others their share of the storage (seed %i)', async (seed) => {
  const stores = await StoreFleet.start(3, { seed, options });
  const { sim } = stores.fleet;
  const put = async (writer: number, name: string): Promise<boolean> => {
    try {
      const value = new Uint8Array(valueBytes);
      await stores.store(writer).put('share', `${writer} ${name}`, 'only', value, 100 * second);
      return true;
    } catch (error) {
      if (!(error instanceof OverlayError) || error.code !== 'full') throw error;
      return false;
    }
  };
  // The greedy one asks for all there is, again and again; the others come later and ask for little.
  const greedy: Promise<boolean>[] = [];
  const modest: Promise<boolean>[] = [];
  for (let i = 0; i < 300; i++) {
    for (let n = 0; n < 5; n++) greedy.push(put(0, `${i}/${n}`));
    if (i >= 150 && i % 10 === 0) modest.push(put(1, `${i}`));
    await sim.runFor(second);
  }
  const [got, admitted] = await sim.runUntil(Promise.all([Promise.all(greedy), Promise.all(modest)]), run);
  expect(got.filter((isStored) => !isStored).length).toBeGreaterThan(100);
  expect(admitted).toEqual(modest.map(() => true));
  for (const node of stores.fleet.all()) {
    const bytes = [...stores.of(node).scan('share')].reduce((sum, { value }) => sum + value.length, 0);
    expect(bytes).toBeLessThanOrEqual(1.1 * options.storageBytesMax);
    expect(bytes).toBeGreaterThan(options.storageBytesMax / 2);
  }
});
