import { type Batch, batchFromRows, type Schema, type SqlValue, types } from '../columnar/index.ts';
import type { TableDefinition } from '../planner/index.ts';

/** What a node tells about itself; each call is a snapshot. */
export interface NodeFacts {
  nodes(): readonly Row[];
  tables(): readonly Row[];
  queries(): readonly Row[];
}

export type Row = readonly (SqlValue | null)[];

function schemaOf(
  columns: Readonly<Record<string, (typeof types)['text' | 'int4' | 'int8' | 'float8' | 'timestamptz']>>,
): Schema {
  return { fields: Object.entries(columns).map(([name, type]) => ({ name, type })) };
}

/** The fleet describes itself: one row a node, a table at a node, a query at a node. */
const schemas = {
  'sys.nodes': schemaOf({
    id: types.text,
    address: types.text,
    label: types.text,
    region_from: types.text,
    region_to: types.text,
    contacts: types.int4,
    missing: types.int4,
    started_at: types.timestamptz,
    queries: types.int4,
    rows_stored: types.int8,
    frames_sent: types.int8,
    frames_received: types.int8,
    bytes_sent: types.int8,
    bytes_received: types.int8,
    frames_malformed: types.int8,
    /** Null: it keeps nothing; `ok`; or why it takes no writes. */
    disk: types.text,
  }),
  'sys.tables': schemaOf({
    node: types.text,
    table_name: types.text,
    source: types.text,
    columns: types.int4,
    replicas_asked: types.int4,
    replicas_kept: types.int4,
  }),
  'sys.queries': schemaOf({
    node: types.text,
    query_id: types.text,
    role: types.text,
    proxy: types.text,
    sql: types.text,
    started_at: types.timestamptz,
    age_ms: types.float8,
    executions: types.int4,
    memory_bytes: types.int8,
  }),
} as const;

export type SystemTableName = keyof typeof schemas;

export function systemTable(name: string): TableDefinition | null {
  if (!isSystemTable(name)) return null;
  return { name, source: 'system', schema: schemas[name], distributed: null };
}

export const systemTableNames = Object.keys(schemas) as readonly SystemTableName[];

export function scanSystemTable(name: string, facts: NodeFacts): Batch {
  if (!isSystemTable(name)) throw new Error(`no system table ${name}`);
  const rows = { 'sys.nodes': facts.nodes, 'sys.tables': facts.tables, 'sys.queries': facts.queries }[name]();
  return batchFromRows(schemas[name], rows);
}

function isSystemTable(name: string): name is SystemTableName {
  return Object.hasOwn(schemas, name);
}
