import type { Schema, SqlType, SqlValue } from '../columnar/index.ts';
import { typesEqual } from '../columnar/index.ts';
import { partialSchema } from './aggregates.ts';
import { columnType } from './logical.ts';
import type { PlanNodeOf } from './nodes.ts';
import type { PlanNode, Retention, SortKey } from './plan.ts';
import {
  type Budget,
  readAggregate,
  readExpression,
  readOptionalPredicate,
  readPredicate,
} from './validate-expression.ts';
import {
  columnsMax,
  invalid,
  readArray,
  readBoolean,
  readCount,
  readOneOf,
  readPositions,
  readRecord,
  readSchema,
  readText,
  readValue,
  requireTypes,
} from './validate-value.ts';

const kinds = ['scan', 'values', 'receive', 'filter', 'project', 'join', 'aggregate', 'topK', 'union'] as const;
/** Rows of one list of literals, and inputs of one union. */
const listMax = 1_000_000;

type Raw = Record<string, unknown>;

/** An operator and all below it, each checked against its inputs. @throws QueryError protocol */
export function readNode(raw: unknown, budget: Budget): PlanNode {
  return budget.within(() => {
    const record = readRecord(raw, 'node');
    const schema = readSchema(record['schema']);
    switch (readOneOf(record['kind'], kinds, 'node')) {
      case 'scan':
        return readScan(record, schema, budget);
      case 'values':
        return { kind: 'values', rows: readRows(record['rows'], schema, budget), schema };
      case 'receive':
        return {
          kind: 'receive',
          exchange: readCount(record['exchange'], 'exchange', Number.MAX_SAFE_INTEGER),
          schema,
        };
      case 'filter': {
        const input = readNode(record['input'], budget);
        requireTypes(schema, typesOf(input.schema), 'filter');
        return { kind: 'filter', input, predicate: readPredicate(record['predicate'], input.schema, budget), schema };
      }
      case 'project':
        return readProject(record, schema, budget);
      case 'join':
        return readJoin(record, schema, budget);
      case 'aggregate':
        return readAggregation(record, schema, budget);
      case 'topK':
        return readTopK(record, schema, budget);
      case 'union': {
        const inputs = readArray(record['inputs'], 'inputs', listMax).map((input) => readNode(input, budget));
        if (inputs.length === 0) invalid('union of nothing');
        for (const input of inputs) requireTypes(schema, typesOf(input.schema), 'union');
        return { kind: 'union', inputs, schema };
      }
    }
  });
}

export function typesOf(schema: Schema): SqlType[] {
  return schema.fields.map(({ type }) => type);
}

function readScan(record: Raw, schema: Schema, budget: Budget): PlanNodeOf<'scan'> {
  const columns = readPositions(record['columns'], 'columns', columnsMax);
  if (columns.length !== schema.fields.length) invalid('scan names more or fewer columns than it gives');
  const source = readOneOf(record['source'], ['local', 'distributed', 'system'], 'source');
  const namespace = record['namespace'] === null ? null : readText(record['namespace'], 'namespace');
  if ((namespace === null) === (source === 'distributed'))
    invalid('a distributed table, and no other, has a namespace');
  return {
    kind: 'scan',
    table: readText(record['table'], 'table'),
    source,
    namespace,
    retention: namespace === null ? null : readRetention(record['retention']),
    columns,
    predicate: readOptionalPredicate(record['predicate'], schema, budget),
    schema,
  };
}

function readRetention(raw: unknown): Retention {
  const { createdAtMs, lifetimeMs } = readRecord(raw, 'retention');
  const { MAX_SAFE_INTEGER } = Number;
  return {
    createdAtMs: readCount(createdAtMs, 'creation time', MAX_SAFE_INTEGER),
    lifetimeMs: lifetimeMs === null ? null : readCount(lifetimeMs, 'lifetime', MAX_SAFE_INTEGER),
  };
}

function readRows(raw: unknown, { fields }: Schema, budget: Budget): (SqlValue | null)[][] {
  return readArray(raw, 'rows', listMax).map((rawRow) => {
    const row = readArray(rawRow, 'row', columnsMax);
    budget.spend(1 + row.length);
    if (row.length !== fields.length) invalid('a row has more or fewer values than columns');
    return fields.map(({ type }, index) => readValue(row[index], type));
  });
}

function readProject(record: Raw, schema: Schema, budget: Budget): PlanNodeOf<'project'> {
  const input = readNode(record['input'], budget);
  const list = readArray(record['expressions'], 'expressions', columnsMax);
  const expressions = list.map((expression) => readExpression(expression, input.schema, budget));
  requireTypes(
    schema,
    expressions.map(({ type }) => type),
    'project',
  );
  return { kind: 'project', input, expressions, schema };
}

function readJoin(record: Raw, schema: Schema, budget: Budget): PlanNodeOf<'join'> {
  const left = readNode(record['left'], budget);
  const right = readNode(record['right'], budget);
  const leftKeys = readPositions(record['leftKeys'], 'left keys', left.schema.fields.length);
  const rightKeys = readPositions(record['rightKeys'], 'right keys', right.schema.fields.length);
  const paired =
    leftKeys.length === rightKeys.length &&
    leftKeys.every((key, index) => {
      return typesEqual(columnType(left.schema, key), columnType(right.schema, rightKeys[index] as number));
    });
  if (!paired) invalid('join keys do not pair up');
  requireTypes(schema, [...typesOf(left.schema), ...typesOf(right.schema)], 'join');
  const type = readOneOf(record['type'], ['inner', 'left'], 'join type');
  const residual = readOptionalPredicate(record['residual'], schema, budget);
  return { kind: 'join', type, left, right, leftKeys, rightKeys, residual, schema };
}

function readAggregation(record: Raw, schema: Schema, budget: Budget): PlanNodeOf<'aggregate'> {
  const input = readNode(record['input'], budget);
  const mode = readOneOf(record['mode'], ['partial', 'merge', 'final'], 'mode');
  const keys = readPositions(record['keys'], 'keys', input.schema.fields.length);
  const rows = mode === 'partial' ? input.schema : null;
  const list = readArray(record['aggregates'], 'aggregates', columnsMax);
  const aggregates = list.map((aggregate) => readAggregate(aggregate, rows, budget));
  const states = typesOf(partialSchema(input.schema, keys, aggregates));
  if (mode !== 'partial') {
    if (keys.some((key, index) => key !== index)) invalid('keys of states do not come first');
    requireTypes(input.schema, states, mode);
  }
  const results = [...states.slice(0, keys.length), ...aggregates.map(({ type }) => type)];
  requireTypes(schema, mode === 'final' ? results : states, 'aggregate');
  return { kind: 'aggregate', mode, input, keys, aggregates, schema };
}

function readTopK(record: Raw, schema: Schema, budget: Budget): PlanNodeOf<'topK'> {
  const input = readNode(record['input'], budget);
  requireTypes(schema, typesOf(input.schema), 'topK');
  const keys = readArray(record['keys'], 'sort keys', columnsMax).map((raw): SortKey => {
    const { expression, descending, nullsFirst } = readRecord(raw, 'sort key');
    return {
      expression: readExpression(expression, input.schema, budget),
      descending: readBoolean(descending, 'descending'),
      nullsFirst: readBoolean(nullsFirst, 'nulls first'),
    };
  });
  const limit = record['limit'] === null ? null : readCount(record['limit'], 'limit', Number.MAX_SAFE_INTEGER);
  return {
    kind: 'topK',
    input,
    keys,
    limit,
    offset: readCount(record['offset'], 'offset', Number.MAX_SAFE_INTEGER),
    schema,
  };
}
