import { type Interval, intervalToMs, parseValue, types } from '../columnar/index.ts';
import type { CreateTable, Name } from '../parser/index.ts';
import { bindType } from './bind-type.ts';
import type { TableDefinition } from './catalog.ts';
import { fail, located } from './fail.ts';
import { deepFreeze } from './freeze.ts';
import { tableKey } from './referenced.ts';
import { didYouMean } from './suggest.ts';

type Option = CreateTable['options'][number];

export interface TableOrigin {
  /** Distinguishes it from earlier tables of the same name. */
  readonly namespace: string;
  /** How many copies the fleet keeps of everything: no table can have more. */
  readonly replicasMax: number;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/**
 * The table that a CREATE TABLE describes.
 * @throws QueryError duplicateColumn, unknownType, unknownColumn, invalidParameter, unsupported
 */
export function defineTable(create: CreateTable, { namespace, replicasMax, nowMs }: TableOrigin): TableDefinition {
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
  const { lifetimeMs, replicas } = readOptions(create.options, replicasMax);
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

function readOptions(
  options: readonly Option[],
  copies: number,
): { readonly lifetimeMs: number | null; readonly replicas: number | null } {
  let lifetimeMs: number | null = null;
  let replicas: number | null = null;
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
        replicas = readReplicas(option, copies);
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

/** The least that a table asks for: the fleet keeps the same number of copies of everything, which may be more. */
function readReplicas({ value, span }: Option, copies: number): number {
  const replicas = /^\d{1,6}$/.test(value) ? Number(value) : 0;
  if (replicas < 1) return fail('invalidParameter', `replicas must be a whole number from 1 up, not "${value}"`, span);
  if (replicas <= copies) return replicas;
  return fail(
    'invalidParameter',
    `replicas = ${replicas} is more than the ${copies} ${copies === 1 ? 'copy' : 'copies'} that this fleet keeps of everything`,
    span,
    `Ask for at most ${copies}, or start all nodes of the fleet with --replicas ${replicas}.`,
  );
}
