import assert from 'node:assert/strict';
import {
  type Batch,
  batchBytes,
  type Column,
  concatBatches,
  type Schema,
  sliceBatch,
  takeRows,
} from '../columnar/index.ts';
import type { PlanNode } from '../planner/index.ts';
import { compileProjection, type Projection } from './expression/compile.ts';
import { MemoryAccount } from './memory.ts';
import type { MemoryBudget, Operator, Output } from './operator.ts';
import { outputRowsMax } from './rows.ts';
import { type KeyOrder, type RowOrder, rowOrder } from './sort/row-order.ts';
import { sortedRows } from './sort/sorted-rows.ts';

type TopKNode = Extract<PlanNode, { kind: 'topK' }>;

/** ORDER BY, LIMIT and OFFSET, in the cheapest way for what was asked. */
export class TopK implements Operator {
  readonly #operator: Operator;

  constructor(node: TopKNode, output: Output, memory: MemoryBudget) {
    this.#operator = node.keys.length === 0 ? new Limit(node, output) : new Sort(node, output, memory);
  }

  push(batch: Batch): void {
    this.#operator.push(batch);
  }

  complete(): void {
    this.#operator.complete();
  }
}

/** Rows `offset` to `offset + limit` in arrival order, passed on at once. State: two counters. */
class Limit implements Operator {
  readonly #node: TopKNode;
  readonly #output: Output;
  #toSkip: number;
  #toPass: number;

  constructor(node: TopKNode, output: Output) {
    this.#node = node;
    this.#output = output;
    this.#toSkip = node.offset;
    this.#toPass = node.limit ?? Infinity;
  }

  push(batch: Batch): void {
    if (this.#toPass === 0) return;
    const start = Math.min(this.#toSkip, batch.numRows);
    this.#toSkip -= start;
    const end = Math.min(batch.numRows, start + this.#toPass);
    if (end === start) return;
    this.#toPass -= end - start;
    this.#output.push(sliceBatch(batch, start, end));
  }

  complete(): void {
    this.#toSkip = this.#node.offset;
    this.#toPass = this.#node.limit ?? Infinity;
    this.#output.complete();
  }
}

/** Rows beyond those kept that gather before they are sorted and cut: sorting is then rare and in bulk. */
const gatheredRowsMin = 1_024;
/** Sorting moves a row number and a prefix of its key, each of which it keeps twice. */
const sortBytesPerRow = 16;

/**
 * Keeps rows until the end of the epoch, then sorts and passes them on. With a limit it keeps about twice
 * as many as are wanted: it cuts now and then, and afterwards drops every row that is not before the last kept.
 */
class Sort implements Operator {
  readonly #node: TopKNode;
  readonly #output: Output;
  readonly #memory: MemoryAccount;
  readonly #keys: Projection;
  readonly #keyOrders: readonly KeyOrder[];
  readonly #order: RowOrder;
  readonly #rowsKept: number;
  /** Input columns, then one column a key. */
  readonly #keyedSchema: Schema;
  #gathered: Batch[] = [];
  #gatheredRows = 0;
  #gatheredBytes = 0;
  /** Once there are `rowsKept` rows: rows not before this one's keys are dropped. */
  #last: { readonly keys: readonly Column[]; readonly row: number } | null = null;

  constructor(node: TopKNode, output: Output, memory: MemoryBudget) {
    this.#node = node;
    this.#output = output;
    this.#memory = new MemoryAccount(memory, 'sort');
    this.#keys = compileProjection(node.keys.map((key) => key.expression));
    this.#keyOrders = node.keys.map(({ expression, descending, nullsFirst }) => ({
      type: expression.type,
      descending,
      nullsFirst,
    }));
    this.#order = rowOrder(this.#keyOrders);
    this.#rowsKept = node.limit === null ? Infinity : node.limit === 0 ? 0 : node.offset + node.limit;
    const keyFields = node.keys.map(({ expression }, index) => ({ name: `key_${index}`, type: expression.type }));
    this.#keyedSchema = { fields: [...node.schema.fields, ...keyFields] };
  }

  push(batch: Batch): void {
    if (batch.numRows === 0 || this.#rowsKept === 0) return;
    const keys = this.#keys(batch);
    const keyed: Batch = { schema: this.#keyedSchema, numRows: batch.numRows, columns: [...batch.columns, ...keys] };
    const wanted = this.#last === null ? keyed : this.#beforeLast(keyed, keys);
    if (wanted.numRows === 0) return;
    this.#gather(wanted);
    if (this.#gatheredRows >= 2 * this.#rowsKept + gatheredRowsMin) this.#cut();
    this.#memory.resize(this.#gatheredBytes + sortBytesPerRow * this.#gatheredRows);
  }

  #beforeLast(keyed: Batch, keys: readonly Column[]): Batch {
    assert(this.#last !== null);
    const rows = this.#order.before(keys, keyed.numRows, this.#last.keys, this.#last.row);
    return rows.length === keyed.numRows ? keyed : takeRows(keyed, rows);
  }

  #gather(batch: Batch): void {
    this.#gathered.push(batch);
    this.#gatheredRows += batch.numRows;
    this.#gatheredBytes += batchBytes(batch);
  }

  /** All gathered rows in one batch, and their numbers in order. */
  #sorted(): { readonly batch: Batch; readonly rows: Int32Array } {
    const batch = concatBatches(this.#keyedSchema, this.#gathered);
    return { batch, rows: sortedRows(this.#keyOrders, this.#keysOf(batch), batch.numRows) };
  }

  #keysOf(keyed: Batch): readonly Column[] {
    return keyed.columns.slice(this.#node.schema.fields.length);
  }

  #cut(): void {
    const { batch, rows } = this.#sorted();
    const kept = takeRows(batch, rows.subarray(0, this.#rowsKept));
    this.#forget();
    this.#gather(kept);
    this.#last = { keys: this.#keysOf(kept), row: kept.numRows - 1 };
  }

  #forget(): void {
    this.#gathered = [];
    this.#gatheredRows = 0;
    this.#gatheredBytes = 0;
    this.#last = null;
  }

  complete(): void {
    if (this.#gatheredRows > this.#node.offset) {
      // While sorting, the rows are there twice.
      this.#memory.resize(2 * this.#gatheredBytes + sortBytesPerRow * this.#gatheredRows);
      const { batch, rows } = this.#sorted();
      this.#forget();
      const wanted = rows.subarray(this.#node.offset, this.#rowsKept);
      const width = this.#node.schema.fields.length;
      const plain: Batch = {
        schema: this.#node.schema,
        numRows: batch.numRows,
        columns: batch.columns.slice(0, width),
      };
      for (let start = 0; start < wanted.length; start += outputRowsMax) {
        this.#output.push(takeRows(plain, wanted.subarray(start, start + outputRowsMax)));
      }
    }
    this.#forget();
    this.#memory.resize(0);
    this.#output.complete();
  }
}
