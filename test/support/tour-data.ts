import { join } from 'node:path';
import { dataFolder } from '../../cli/tour.ts';
import { tourQueries } from '../../cli/tour-script.ts';
import { type Batch, concatBatches, sliceBatch } from '../../columnar/index.ts';
import { iteratorTable, openFile, type TableSource } from '../../engine/index.ts';
import { askDuckDb, comparable } from './duckdb.ts';
import type { TablesOf } from './fleet.ts';

/** Flights that simulations use: every seed starts anew and must be quick. */
const flightsTaken = 3_000;

export interface TourData {
  readonly tables: TablesOf;
  /** DuckDB's answers on the same rows, by query, in comparable form. */
  readonly expected: ReadonlyMap<string, readonly string[]>;
}

/** A sample of the tour's data, in memory and split over any number of nodes, with the right answers. */
export async function loadTourData(): Promise<TourData> {
  const flightsFile = join(dataFolder(), 'flights-3m.parquet');
  const airportsFile = join(dataFolder(), 'airports.csv');
  const setup = [
    `CREATE TABLE flights AS SELECT * FROM '${flightsFile}' LIMIT ${flightsTaken}`,
    `CREATE TABLE airports AS SELECT * FROM '${airportsFile}'`,
  ];
  const expected = new Map<string, readonly string[]>();
  for (const { sql } of tourQueries) expected.set(sql, comparable(await askDuckDb(setup, sql), true));
  const flights = await inMemory(await openFile(flightsFile, { name: 'flights', slice: { index: 0, of: 1_000 } }));
  const airports = await inMemory(await openFile(airportsFile, { name: 'airports_csv' }));
  return {
    expected,
    tables: (index, of) => [part('flights', flights, index, of), part('airports_csv', airports, index, of)],
  };
}

async function inMemory(source: TableSource): Promise<Batch> {
  const batches: Batch[] = [];
  const columns = source.schema.fields.map((_, i) => i);
  for await (const batch of source.scan({ columns, signal: new AbortController().signal })) batches.push(batch);
  return concatBatches(source.schema, batches);
}

function part(name: string, rows: Batch, index: number, of: number): TableSource {
  const at = (i: number): number => Math.floor((rows.numRows * i) / of);
  const slice = sliceBatch(rows, at(index), at(index + 1));
  return iteratorTable(name, rows.schema, () => [slice]);
}
