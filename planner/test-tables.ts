import { QueryError, types } from '../columnar/index.ts';
import { parse, type Query, type Statement } from '../parser/index.ts';
import {
  explainPlan,
  type PhysicalPlan,
  type PlanContext,
  planQuery,
  type TableDefinition,
  type Tables,
} from './index.ts';

// Tables and shorthands for this folder's tests.

const { boolean, int2, int4, int8, float4, float8, text, bytea, date, timestamp, timestamptz, interval, numeric } =
  types;

function local(
  name: string,
  columns: Readonly<Record<string, TableDefinition['schema']['fields'][number]['type']>>,
): TableDefinition {
  const fields = Object.entries(columns).map(([column, type]) => ({ name: column, type }));
  return { name, source: 'local', schema: { fields }, distributed: null };
}

function distributed(
  table: TableDefinition,
  primaryKey: readonly number[],
  partitionBy: readonly number[],
): TableDefinition {
  const details = {
    namespace: `${table.name}/1`,
    primaryKey,
    partitionBy,
    notNull: primaryKey,
    lifetimeMs: null,
    replicas: 3,
    createdAtMs: 0,
  };
  return { ...table, source: 'distributed', distributed: details };
}

export const readings = distributed(
  local('readings', { id: int8, device: text, at: timestamptz, value: numeric(10, 2), quality: int2 }),
  [0],
  [0],
);

const all: readonly TableDefinition[] = [
  local('flights', { date: timestamp, delay: int4, distance: int4, origin: text, destination: text }),
  local('airports', { iata: text, name: text, city: text, state: text, latitude: float8, longitude: float8 }),
  local('kinds', {
    b: boolean,
    i2: int2,
    i4: int4,
    i8: int8,
    f4: float4,
    f8: float8,
    n: numeric(10, 2),
    t: text,
    raw: bytea,
    d: date,
    ts: timestamp,
    tz: timestamptz,
    span: interval,
  }),
  local('states', { state: text, code: int2 }),
  readings,
  distributed(local('pairs', { a: int4, b: text, c: float8 }), [0, 1], [0, 1]),
  { ...local('sys.nodes', { id: text, address: text }), source: 'system' },
];

export const tables: Tables = new Map(all.map((table) => [table.name, table]));

/** 2001-02-03 04:05:06.789 UTC. */
export const context: PlanContext = { nowMs: 981_173_106_789 };

export function statement(sql: string): Statement {
  const [first] = parse(sql);
  if (first === undefined) throw new Error('no statement');
  return first;
}

export function queryOf(sql: string): Query {
  const parsed = statement(sql);
  if (parsed.kind !== 'select') throw new Error(`no query: ${sql}`);
  return parsed.query;
}

export function plan(sql: string, extra: Partial<PlanContext> = {}): PhysicalPlan {
  return planQuery(queryOf(sql), tables, { ...context, ...extra });
}

export function explain(sql: string): string {
  return explainPlan(plan(sql)).join('\n');
}

/** The error that `work` ends with. */
export function failure(work: () => unknown): QueryError {
  try {
    work();
  } catch (error) {
    if (error instanceof QueryError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
