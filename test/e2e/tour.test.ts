import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dataFolder } from '../../cli/tour.ts';
import { tourQueries, tourTables } from '../../cli/tour-script.ts';
import { openFile } from '../../engine/index.ts';
import { askDuckDb, comparable, plainRows } from '../support/duckdb.ts';
import { RealFleet, run } from '../support/fleet.ts';

const flights = join(dataFolder(), 'flights-3m.parquet');
const airports = join(dataFolder(), 'airports.csv');
const nodes = 4;

describe('the tour on real nodes and all the data', () => {
  let fleet: RealFleet;
  beforeAll(async () => {
    const parts = await Promise.all(
      Array.from({ length: nodes }, (_, index) =>
        Promise.all([
          openFile(flights, { name: 'flights', slice: { index, of: nodes } }),
          openFile(airports, { name: 'airports_csv', slice: { index, of: nodes } }),
        ]),
      ),
    );
    fleet = await RealFleet.start({ nodes, tables: (index) => parts[index] ?? [] });
    await run(fleet.nodes[0] as never, `${tourTables.create}; ${tourTables.load}`);
  }, 60_000);
  afterAll(() => fleet.close());

  test.each(tourQueries)("$title: the answer is DuckDB's", async ({ sql }) => {
    const expected = await askDuckDb(
      [
        `CREATE VIEW flights AS SELECT * FROM '${flights}'`,
        `CREATE VIEW airports AS SELECT * FROM read_csv('${airports}', header = true, all_varchar = false)`,
      ],
      sql,
    );
    const answer = await run(fleet.nodes[nodes - 1] as never, sql);
    expect(comparable(plainRows(answer.schema, answer.rows), true)).toEqual(comparable(expected, true));
    expect(answer.coverage).toMatchObject({ complete: true });
  });
});
