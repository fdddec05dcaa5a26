import type { Field, Schema, SqlType } from '../columnar/index.ts';
import { numericPrecisionMax, types } from '../columnar/index.ts';
import { divisionScaleMin } from './numeric-types.ts';
import type { AggregateCall, AggregateFunction } from './plan.ts';

// Types of aggregates and of the states that travel between their partial, merge and final stages.

/**
 * Layout of grouped states: the key columns, then each aggregate's state columns in order.
 * For `merge` and `final` nodes `input` is such a layout already and `keys` are its first columns.
 */
export function partialSchema(input: Schema, keys: readonly number[], aggregates: readonly AggregateCall[]): Schema {
  const keyFields = keys.map((key) => input.fields[key] as Field);
  return { fields: [...keyFields, ...stateSchema(aggregates).fields] };
}

/**
 * State columns of aggregates, in order:
 * `count`: int8 rows counted. `sum`: the sum, NULL when there was no row. `avg`: the sum, NULL when there was
 * no row, and int8 rows counted. `min`, `max`: the value. Any with DISTINCT: one bytea, the encoded set of values.
 */
export function stateSchema(aggregates: readonly AggregateCall[]): Schema {
  return { fields: aggregates.flatMap((aggregate, index) => stateFields(aggregate, index)) };
}

function stateFields(aggregate: AggregateCall, index: number): Field[] {
  const name = `${aggregate.function}_${index}`;
  if (aggregate.distinct) return [{ name: `${name}_values`, type: types.bytea }];
  if (aggregate.argument === null) return [{ name, type: types.int8 }];
  const argument = aggregate.argument.type;
  switch (aggregate.function) {
    case 'count':
      return [{ name, type: types.int8 }];
    case 'avg':
      return [
        { name: `${name}_sum`, type: averageSumType(argument) },
        { name: `${name}_count`, type: types.int8 },
      ];
    case 'sum':
    case 'min':
    case 'max':
      return [{ name, type: aggregateType(aggregate.function, argument) ?? argument }];
  }
}

function averageSumType(argument: SqlType): SqlType {
  switch (argument.kind) {
    case 'numeric':
      return types.numeric(numericPrecisionMax, argument.scale);
    case 'float4':
    case 'float8':
      return types.float8;
    default:
      return types.numeric(numericPrecisionMax, 0);
  }
}

/** An aggregate's result type as in PostgreSQL; `null` when it does not take such an argument. */
export function aggregateType(aggregate: AggregateFunction, argument: SqlType | null): SqlType | null {
  if (aggregate === 'count') return types.int8;
  if (argument === null) return null;
  switch (aggregate) {
    case 'sum':
      return sumType(argument);
    case 'avg':
      return averageType(argument);
    case 'min':
    case 'max':
      return argument.kind === 'boolean' || argument.kind === 'bytea' ? null : argument;
  }
}

function sumType(argument: SqlType): SqlType | null {
  switch (argument.kind) {
    case 'int2':
    case 'int4':
      return types.int8;
    case 'int8':
      return types.numeric(numericPrecisionMax, 0);
    case 'numeric':
      return types.numeric(numericPrecisionMax, argument.scale);
    case 'float4':
    case 'float8':
      return argument;
    default:
      return null;
  }
}

function averageType(argument: SqlType): SqlType | null {
  switch (argument.kind) {
    case 'int2':
    case 'int4':
    case 'int8':
      return types.numeric(numericPrecisionMax, divisionScaleMin);
    case 'numeric':
      return types.numeric(numericPrecisionMax, Math.max(argument.scale, divisionScaleMin));
    case 'float4':
    case 'float8':
      return types.float8;
    default:
      return null;
  }
}
