import assert from 'node:assert/strict';
import type { Batch, Column } from '../../columnar/index.ts';
import type { Expression } from '../../planner/index.ts';
import { LeastRecentlyUsed } from '../least-recently-used.ts';
import { cellWriter } from './cells.ts';
import { generate } from './generate.ts';
import { truthCode } from './nulls.ts';
import { Scope } from './scope.ts';
import { structuralKey } from './structural-key.ts';

/** Computes one column an expression from a batch. */
export type Projection = (batch: Batch) => Column[];
/** Rows of a batch, ascending, for which a condition is true. */
export type Predicate = (batch: Batch) => Int32Array;

type Loop<Result> = (columns: readonly Column[], numRows: number) => Result;
type ColumnParts = Pick<Column, 'values' | 'offsets' | 'validity'>;

/** Compiled loops kept for reuse: participants of one process run the same plans. */
const cachedLoopsMax = 1_024;
/** Expressions with more text than this (long IN lists) are compiled anew each time. */
const cachedKeyLengthMax = 16_384;

const scalars = new LeastRecentlyUsed<Loop<ColumnParts>>(cachedLoopsMax);
const selections = new LeastRecentlyUsed<Loop<Int32Array>>(cachedLoopsMax);

/**
 * Compiles expressions over the columns of a batch. The batches given later must have columns of the
 * types that the expressions state.
 *
 * @throws QueryError `unsupported` when a function has no code for these types; the compiled code
 * throws QueryErrors for errors in the data
 */
export function compileProjection(expressions: readonly Expression[]): Projection {
  const makers = expressions.map((expression) => compileColumn(expression));
  return (batch) => makers.map((make) => make(batch));
}

function compileColumn(expression: Expression): (batch: Batch) => Column {
  const { type } = expression;
  if (expression.kind === 'column') {
    return (batch) => {
      const column = batch.columns[expression.index];
      assert(column !== undefined, 'an expression refers to a column outside its input');
      return column;
    };
  }
  const loop = cached(scalars, expression, () => compileLoop(expression, scalarSource));
  return (batch) => ({ type, length: batch.numRows, ...loop(batch.columns, batch.numRows) });
}

/** Compiles a boolean expression to the selection of the rows for which it is true. Errors as `compileProjection`. */
export function compilePredicate(expression: Expression): Predicate {
  assert(expression.type.kind === 'boolean', 'a predicate is boolean');
  const loop = cached(selections, expression, () => compileLoop(expression, selectionSource));
  return (batch) => loop(batch.columns, batch.numRows);
}

function cached<Result>(
  cache: LeastRecentlyUsed<Loop<Result>>,
  expression: Expression,
  compile: () => Loop<Result>,
): Loop<Result> {
  const key = structuralKey(expression);
  return key.length > cachedKeyLengthMax ? compile() : cache.getOrAdd(key, compile);
}

type Source = (scope: Scope, expression: Expression) => string;

/**
 * Two loops an expression: one for batches whose columns hold no NULL, and, compiled when first needed,
 * one that checks validity.
 */
function compileLoop<Result>(expression: Expression, source: Source): Loop<Result> {
  const scope = new Scope(false, generate);
  const withoutNulls = build<Result>(scope, source(scope, expression));
  const used = [...scope.columns];
  let withNulls: Loop<Result> | null = null;
  return (columns, numRows) => {
    if (used.every((index) => columns[index]?.validity === null)) return withoutNulls(columns, numRows);
    if (withNulls === null) {
      const nullable = new Scope(true, generate);
      withNulls = build<Result>(nullable, source(nullable, expression));
    }
    return withNulls(columns, numRows);
  };
}

function build<Result>(scope: Scope, source: string): Loop<Result> {
  const names = scope.constants.map((_, index) => `k${index}`);
  const text = `'use strict';\nreturn (columns, n) => {\n${scope.prelude.join('\n')}\n${source}\n};`;
  return new Function(...names, text)(...scope.constants) as Loop<Result>;
}

function scalarSource(scope: Scope, expression: Expression): string {
  const result = scope.generate(expression);
  const writer = cellWriter(scope, expression.type);
  const rows = (write: string): string => `for (let i = 0; i < n; i++) {\n${scope.body.join('\n')}\n${write}\n}`;
  if (result.nullness === 'false') {
    return [
      `const o = ${writer.allocate};`,
      rows(writer.write(result.value)),
      `const parts = ${writer.finish};`,
      'return { values: parts.values, offsets: parts.offsets, validity: null };',
    ].join('\n');
  }
  const write = `if (!(${result.nullness})) {\nvalid++;\nvalidity[i >> 3] |= 1 << (i & 7);\n${writer.write(result.value)}\n}`;
  return [
    `const o = ${writer.allocate};`,
    'const validity = new Uint8Array((n + 7) >> 3);',
    'let valid = 0;',
    rows(write),
    `const parts = ${writer.finish};`,
    'return { values: parts.values, offsets: parts.offsets, validity: valid === n ? null : validity };',
  ].join('\n');
}

function selectionSource(scope: Scope, expression: Expression): string {
  const result = scope.generate(expression);
  return [
    'const rows = new Int32Array(n);',
    'let count = 0;',
    'for (let i = 0; i < n; i++) {',
    ...scope.body,
    `if (${truthCode(result)}) rows[count++] = i;`,
    '}',
    'return rows.subarray(0, count);',
  ].join('\n');
}
