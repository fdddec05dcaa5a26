import { type Interval, intervalToMs, parseValue, types } from '../columnar/index.ts';
import type { CreateTable, Name } from '../parser/index.ts';
import { bindType } from './bind-type.ts';
import type { TableDefinition } from './catalog.ts';
import { fail, located } from './fail.ts';
import { deepFreeze } from './freeze.ts';
import { tableKey } from './referenced.ts';
import { didYouMean } from './suggest.ts';

/** Copies of a row, its owner's included. More than `replicasDefault` for data that must outlive several nodes at once. */
const replicasDefault = 3;
const replicasMax = 8;

type Option = CreateTable['options'][number];

/**
 * The table that a CREATE TABLE describes.
 * @param namespace distinguishes it from earlier tables of the same name
 * @param nowMs milliseconds since 1970
 * @throws QueryError duplicateColumn, unknownType, unknownColumn, invalidParameter, unsupported
 */
export function defineTable(create: CreateTable, namespace: string, nowMs: number): TableDefinition {
  const { columns, table } = create;
  if (table.schema !== null && table.schema !== 'public') {
    fail('unsupported', `tables cannot be created in schema "${table.schema}"`, table.span, 'Leave out the schema.');
  }
  if (columns.length === 0) fail('unsupported', 'a table needs at least one column', create.span);
  requireDistinct(
    columns.map(({ name }) => name),
    (name) => `column "${name}" specified more than once`,
  );
  const fields = columns.map(({ name, type }) => ({ name: name.text, type: bindType(type) }));
  const primaryKey = positions(create, create.primaryKey, 'primary key');
  const partitionBy = partition(create, primaryKey);
  const notNull = columns.flatMap((column, index) => (column.notNull || primaryKey.includes(index) ? [index] : []));
  const { lifetimeMs, replicas } = readOptions(create.options);
  return deepFreeze({
    name: tableKey({ ...table, schema: null }),
    source: 'distributed',
    schema: { fields },
    distributed: { namespace, primaryKey, partitionBy, notNull, lifetimeMs, replicas, createdAtMs: Math.floor(nowMs) },
  });
}

function requireDistinct(names: readonly Name[], message: (name: string) => string): void {
  const seen = new Set<string>();
  for (const { text, span } of names) {
    if (seen.has(text)) fail('duplicateColumn', message(text), span);
    seen.add(text);
  }
}

function positions({ columns }: CreateTable, names: readonly Name[], place: string): number[] {
  requireDistinct(names, (name) => `column "${name}" appears twice in ${place}`);
  const known = columns.map(({ name }) => name.text);
  return names.map(({ text, span }) => {
    const index = known.indexOf(text);
    return index >= 0
      ? index
      : fail('unknownColumn', `column "${text}" named in ${place} does not exist`, span, didYouMean(text, known));
  });
}

/**
 * Rows with an equal primary key must meet at one owner, so a partition may use only its columns. Without
 * either, a row's place follows from all its columns.
 */
function partition(create: CreateTable, primaryKey: readonly number[]): number[] {
  const chosen = positions(create, create.partitionBy, 'PARTITION BY');
  if (primaryKey.length > 0) {
    create.partitionBy.forEach(({ text, span }, index) => {
      if (primaryKey.includes(chosen[index] as number)) return;
      fail('invalidParameter', `partition column "${text}" is not part of the primary key`, span);
    });
  }
  if (chosen.length > 0) return chosen;
  return primaryKey.length > 0 ? [...primaryKey] : create.columns.map((_, index) => index);
}

function readOptions(options: readonly Option[]): { readonly lifetimeMs: number | null; readonly replicas: number } {
  let lifetimeMs: number | null = null;
  let replicas = replicasDefault;
  const seen = new Set<string>();
  for (const option of options) {
    const { name, span } = option;
    if (seen.has(name)) fail('invalidParameter', `option "${name}" specified more than once`, span);
    seen.add(name);
    switch (name) {
      case 'lifetime':
        lifetimeMs = readLifetime(option);
        break;
      case 'replicas':
        replicas = readReplicas(option);
        break;
      default:
        fail('invalidParameter', `unknown table option "${name}"`, span, `Known options: ${optionNames.join(', ')}.`);
    }
  }
  return { lifetimeMs, replicas };
}

const optionNames = ['lifetime', 'replicas'];

function readLifetime({ value, span }: Option): number {
  const interval = located(span, () => parseValue(types.interval, value)) as Interval;
  const ms = intervalToMs(interval);
  return ms > 0 ? ms : fail('invalidParameter', `lifetime must be longer than nothing, not "${value}"`, span);
}

function readReplicas({ value, span }: Option): number {
  const replicas = Number(value);
  if (Number.isInteger(replicas) && replicas >= 1 && replicas <= replicasMax) return replicas;
  return fail('invalidParameter', `replicas must be a whole number from 1 to ${replicasMax}, not "${value}"`, span);
}
