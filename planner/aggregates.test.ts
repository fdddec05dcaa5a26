import { expect, test } from 'vitest';
import { type SqlType, typeName, types } from '../columnar/index.ts';
import { type AggregateCall, partialSchema } from './index.ts';

function call(name: AggregateCall['function'], type: SqlType | null, distinct = false): AggregateCall {
  const argument = type === null ? null : ({ kind: 'column', index: 0, type } as const);
  return { function: name, argument, distinct, type: types.int8 };
}

test.each([
  [call('count', null), ['bigint']],
  [call('count', types.text), ['bigint']],
  [call('count', types.text, true), ['bytea']],
  [call('sum', types.int2), ['bigint']],
  [call('sum', types.int8), ['numeric(38,0)']],
  [call('sum', types.numeric(10, 3)), ['numeric(38,3)']],
  [call('sum', types.float4), ['real']],
  [call('avg', types.int4), ['numeric(38,0)', 'bigint']],
  [call('avg', types.numeric(10, 3)), ['numeric(38,3)', 'bigint']],
  [call('avg', types.float4), ['double precision', 'bigint']],
  [call('avg', types.float8, true), ['bytea']],
  [call('min', types.date), ['date']],
])('%j has the state %j', (aggregate, expected) => {
  const input = {
    fields: [
      { name: 'a', type: types.text },
      { name: 'b', type: types.date },
    ],
  };
  const { fields } = partialSchema(input, [1], [aggregate]);
  expect(fields.map(({ type }) => typeName(type))).toEqual(['date', ...expected]);
});
