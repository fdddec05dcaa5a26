import assert from 'node:assert/strict';
import { type Batch, type Column, type Schema, type SqlType, sliceBatch, sliceColumn } from '../../columnar/index.ts';
import type { AggregateCall, PlanNode } from '../../planner/index.ts';
import { compileProjection, type Projection } from '../expression/compile.ts';
import { MemoryAccount } from '../memory.ts';
import type { MemoryBudget, Operator, Output } from '../operator.ts';
import { outputRowsMax } from '../rows.ts';
import { GroupTable } from '../store/group-table.ts';
import { Average } from './average.ts';
import { Count } from './count.ts';
import { Distinct } from './distinct.ts';
import { extremeFor } from './extreme.ts';
import type { AggregateState } from './state.ts';
import { Summation } from './summation.ts';

type AggregateNode = Extract<PlanNode, { kind: 'aggregate' }>;

/**
 * Grouping, in each of its three stages: rows become states (`partial`), states of one group are folded
 * together (`merge`), states become results (`final`). Keys are found by a hash table; every aggregate holds
 * its state in arrays by group number. Everything is passed on at the end of the epoch.
 */
export class Aggregate implements Operator {
  readonly #node: AggregateNode;
  readonly #output: Output;
  readonly #memory: MemoryAccount;
  /** Columns with the keys: in states they come first. */
  readonly #keys: readonly number[];
  readonly #keyTypes: readonly SqlType[];
  /** For `partial`: the arguments of those aggregates that have one, in order. */
  readonly #arguments: Projection;
  /** Types of the keys and states as they travel between the stages. */
  readonly #layout: Schema;
  #groups: GroupTable;
  #states: AggregateState[];

  constructor(node: AggregateNode, output: Output, memory: MemoryBudget) {
    this.#node = node;
    this.#output = output;
    this.#memory = new MemoryAccount(memory, 'aggregate');
    this.#keys = node.mode === 'partial' ? node.keys : node.keys.map((_, index) => index);
    this.#keyTypes = this.#keys.map((key) => fieldType(node.input.schema, key));
    const readsRows = node.mode === 'partial';
    this.#arguments = compileProjection(readsRows ? node.aggregates.flatMap(({ argument }) => argument ?? []) : []);
    this.#layout = node.mode === 'final' ? node.input.schema : node.schema;
    this.#groups = new GroupTable(this.#keyTypes);
    this.#states = this.#newStates();
  }

  push(batch: Batch): void {
    if (batch.numRows === 0) return;
    const keys = this.#keys.map((key) => columnAt(batch, key));
    const groups = this.#groups.groupsOf(keys, batch.numRows);
    for (const state of this.#states) state.reserve(this.#groups.count);
    if (this.#node.mode === 'partial') this.#update(groups, batch);
    else this.#merge(groups, batch);
    this.#memory.resize(this.#states.reduce((sum, state) => sum + state.bytes, this.#groups.bytes));
  }

  #update(groups: Int32Array, batch: Batch): void {
    const columns = this.#arguments(batch);
    let next = 0;
    for (const [index, state] of this.#states.entries()) {
      const hasArgument = this.#node.aggregates[index]?.argument !== null;
      state.update(groups, hasArgument ? (columns[next++] ?? null) : null);
    }
  }

  #merge(groups: Int32Array, batch: Batch): void {
    let start = this.#keys.length;
    for (const state of this.#states) {
      const end = start + state.columnCount;
      state.merge(groups, batch.columns.slice(start, end));
      start = end;
    }
  }

  #newStates(): AggregateState[] {
    let start = this.#keys.length;
    return this.#node.aggregates.map((aggregate) => {
      const state = stateFor(aggregate, fieldType(this.#layout, start));
      start += state.columnCount;
      return state;
    });
  }

  complete(): void {
    const { mode, keys } = this.#node;
    // Without keys there is one group even when there are no rows; only results need say so.
    const groupCount = mode === 'final' && keys.length === 0 ? 1 : this.#groups.count;
    if (groupCount > 0) this.#emit(groupCount);
    this.#groups = new GroupTable(this.#keyTypes);
    this.#states = this.#newStates();
    this.#memory.resize(0);
    this.#output.complete();
  }

  #emit(groupCount: number): void {
    for (const state of this.#states) state.reserve(groupCount);
    const columns = this.#groups.keys().map((key) => sliceColumn(key, 0, groupCount));
    for (const state of this.#states) {
      if (this.#node.mode === 'final') columns.push(state.results(groupCount));
      else columns.push(...state.states(groupCount));
    }
    const all: Batch = { schema: this.#node.schema, numRows: groupCount, columns };
    for (let start = 0; start < groupCount; start += outputRowsMax) {
      this.#output.push(sliceBatch(all, start, Math.min(start + outputRowsMax, groupCount)));
    }
  }
}

function fieldType(schema: Schema, index: number): SqlType {
  const field = schema.fields[index];
  assert(field !== undefined, 'a key or a state lies outside the schema');
  return field.type;
}

function columnAt(batch: Batch, index: number): Column {
  const column = batch.columns[index];
  assert(column !== undefined, 'a grouping key lies outside the input');
  return column;
}

/** @param stateType of the aggregate's first state column */
function stateFor(aggregate: AggregateCall, stateType: SqlType): AggregateState {
  const { argument, distinct } = aggregate;
  if (argument === null) return new Count();
  const plain = (): AggregateState => plainStateFor(aggregate, argument.type, stateType);
  return distinct ? new Distinct(argument.type, plain) : plain();
}

function plainStateFor(aggregate: AggregateCall, argument: SqlType, stateType: SqlType): AggregateState {
  switch (aggregate.function) {
    case 'count':
      return new Count();
    case 'sum':
      return new Summation(argument, aggregate.type);
    case 'avg':
      return new Average(argument, stateType, aggregate.type);
    case 'min':
    case 'max':
      return extremeFor(aggregate.function, argument);
  }
}
