import type { Schema, SqlValue } from '../columnar/index.ts';
import { types, typesEqual } from '../columnar/index.ts';
import { aggregateType } from './aggregates.ts';
import { castAllowed } from './coercion.ts';
import { functionIds } from './functions.ts';
import { columnType } from './logical.ts';
import type { AggregateCall, Expression } from './plan.ts';
import { signatureAllows } from './signatures.ts';
import {
  columnsMax,
  invalid,
  readArray,
  readBoolean,
  readCount,
  readOneOf,
  readRecord,
  readType,
  readValue,
} from './validate-value.ts';

const depthMax = 1_000;
/** Expressions and values of a whole plan. */
const partsMax = 4_000_000;

const kinds = ['column', 'literal', 'call', 'case', 'cast', 'in'] as const;
const functions = ['count', 'sum', 'avg', 'min', 'max'] as const;

/** Counts what a plan is made of, so that a small frame cannot ask for much work. */
export class Budget {
  #parts = 0;
  #depth = 0;

  /** Runs `read` one level deeper. */
  within<T>(read: () => T): T {
    this.spend(1);
    if (++this.#depth > depthMax) invalid(`nested more than ${depthMax} levels deep`);
    const result = read();
    this.#depth--;
    return result;
  }

  spend(parts: number): void {
    this.#parts += parts;
    if (this.#parts > partsMax) invalid(`more than ${partsMax} parts`);
  }
}

/** @param input of the operator that evaluates it; `null` when these rows are elsewhere: then only types are checked */
export function readExpression(raw: unknown, input: Schema | null, budget: Budget): Expression {
  return budget.within(() => {
    const record = readRecord(raw, 'expression');
    const type = readType(record['type']);
    const read = (child: unknown) => readExpression(child, input, budget);
    switch (readOneOf(record['kind'], kinds, 'expression')) {
      case 'column': {
        const index = readCount(record['index'], 'column', (input?.fields.length ?? columnsMax) - 1);
        if (input !== null && !typesEqual(columnType(input, index), type))
          invalid(`column ${index} is of another type`);
        return { kind: 'column', index, type };
      }
      case 'literal':
        return { kind: 'literal', value: readValue(record['value'], type), type };
      case 'call': {
        const id = readOneOf(record['function'], functionIds, 'function');
        const args = readArray(record['args'], 'args', partsMax).map(read);
        if (
          !signatureAllows(
            id,
            args.map((arg) => arg.type),
            type,
          )
        )
          invalid(`${id} does not take such arguments`);
        return { kind: 'call', function: id, args, type };
      }
      case 'case':
        return readCase(record, type, read);
      case 'cast': {
        const operand = read(record['input']);
        if (!castAllowed(operand.type, type, 'explicit')) invalid(`no cast from ${operand.type.kind} to ${type.kind}`);
        return { kind: 'cast', input: operand, type };
      }
      case 'in': {
        const operand = read(record['input']);
        if (type.kind !== 'boolean') invalid('IN is not boolean');
        return { kind: 'in', input: operand, values: readValues(record['values'], operand.type, budget), type };
      }
    }
  });
}

function readCase(
  record: Record<string, unknown>,
  type: Expression['type'],
  read: (raw: unknown) => Expression,
): Expression {
  const result = (raw: unknown) => {
    const expression = read(raw);
    return typesEqual(expression.type, type) ? expression : invalid('CASE gives several types');
  };
  const branches = readArray(record['branches'], 'branches', partsMax).map((raw) => {
    const { when, then } = readRecord(raw, 'branch');
    return { when: boolean(read(when), 'WHEN'), then: result(then) };
  });
  if (branches.length === 0) invalid('CASE has no branch');
  return { kind: 'case', branches, otherwise: result(record['otherwise']), type };
}

function readValues(raw: unknown, type: Expression['type'], budget: Budget): SqlValue[] {
  const list = readArray(raw, 'values', partsMax);
  budget.spend(list.length);
  return list.map((value) => readValue(value, type) ?? invalid('NULL in a list of values'));
}

export function readPredicate(raw: unknown, input: Schema, budget: Budget): Expression {
  return boolean(readExpression(raw, input, budget), 'predicate');
}

export function readOptionalPredicate(raw: unknown, input: Schema, budget: Budget): Expression | null {
  return raw === null ? null : readPredicate(raw, input, budget);
}

function boolean(expression: Expression, what: string): Expression {
  return typesEqual(expression.type, types.boolean) ? expression : invalid(`${what} is not boolean`);
}

/** @param input as for `readExpression` */
export function readAggregate(raw: unknown, input: Schema | null, budget: Budget): AggregateCall {
  const record = readRecord(raw, 'aggregate');
  const name = readOneOf(record['function'], functions, 'aggregate');
  const argument = record['argument'] === null ? null : readExpression(record['argument'], input, budget);
  const distinct = readBoolean(record['distinct'], 'DISTINCT');
  const type = readType(record['type']);
  const expected = aggregateType(name, argument?.type ?? null);
  if (expected === null || !typesEqual(expected, type)) invalid(`${name} does not take such an argument`);
  if (distinct && (argument === null || name === 'min' || name === 'max')) invalid(`${name} cannot be DISTINCT`);
  return { function: name, argument, distinct, type };
}
