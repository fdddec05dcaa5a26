import assert from 'node:assert/strict';
import {
  type Batch,
  type Column,
  constantColumn,
  rowsWithNull,
  type Schema,
  takeColumn,
  takeRows,
  types,
} from '../../columnar/index.ts';
import type { PlanNode } from '../../planner/index.ts';
import { columnsUsed } from '../expression/columns-used.ts';
import { compilePredicate, type Predicate } from '../expression/compile.ts';
import { MemoryAccount } from '../memory.ts';
import type { MemoryBudget, Operator, Output } from '../operator.ts';
import { outputRowsMax, rowRange } from '../rows.ts';
import { type Pairs, RowTable } from '../store/row-table.ts';
import { keyHashes } from '../store/tables.ts';
import { RowFlags } from './row-flags.ts';

type JoinNode = Extract<PlanNode, { kind: 'join' }>;
type SideName = 'left' | 'right';

interface Side {
  readonly keys: readonly number[];
  readonly schema: Schema;
  /** Rows that rows of the other side may still match. */
  table: RowTable;
  complete: boolean;
}

/** What a column that a residual does not read is replaced by. */
const unread = constantColumn(types.boolean, null, 0);

/**
 * Symmetric hash join (Wilschut and Apers, 1991): each row is kept in its own side's table and probes the other
 * side's, so results flow while both inputs arrive. Once an input is complete, nothing can match rows of the
 * other any more: they are dropped and no longer kept. In a left join a left row waits until the
 * right input is complete before it is known to match nothing.
 */
export class Join {
  readonly left: Operator;
  readonly right: Operator;
  readonly #node: JoinNode;
  readonly #output: Output;
  readonly #memory: MemoryAccount;
  readonly #residual: Predicate | null;
  readonly #residualColumns: ReadonlySet<number>;
  readonly #sides: Readonly<Record<SideName, Side>>;
  /** Left join: which rows of the left table have found a match. */
  #matched = new RowFlags();

  constructor(node: JoinNode, output: Output, memory: MemoryBudget) {
    this.#node = node;
    this.#output = output;
    this.#memory = new MemoryAccount(memory, 'join');
    this.#residual = node.residual === null ? null : compilePredicate(node.residual);
    this.#residualColumns = node.residual === null ? new Set() : columnsUsed(node.residual);
    this.#sides = {
      left: newSide(node.left.schema, node.leftKeys),
      right: newSide(node.right.schema, node.rightKeys),
    };
    this.left = this.#input('left', (batch) => this.#pushLeft(batch));
    this.right = this.#input('right', (batch) => this.#pushRight(batch));
  }

  #input(name: SideName, push: (batch: Batch) => void): Operator {
    return {
      push: (batch) => {
        assert(!this.#sides[name].complete, `rows on the ${name} of a join after it was complete`);
        if (batch.numRows === 0) return;
        push(batch);
        this.#account();
      },
      complete: () => this.#complete(name),
    };
  }

  #pushLeft(batch: Batch): void {
    const { left, right } = this.#sides;
    const outer = this.#node.type === 'left';
    if (right.complete && right.table.numRows === 0) {
      if (outer) this.#emitUnmatched(batch, null);
      return;
    }
    const { keyed, keyless } = splitByNullKeys(batch, left.keys);
    if (outer && keyless !== null) this.#emitUnmatched(keyless, null);
    if (keyed.numRows === 0) return;
    const hashes = keyHashes(keyed, left.keys);
    const matched = outer ? new Uint8Array(keyed.numRows) : null;
    right.table.probe(keyed, left.keys, hashes, outputRowsMax, (pairs) => {
      const kept = this.#emitPairs(keyed, pairs.rows, right.table.rows(), pairs.stored);
      if (matched !== null) for (const pair of kept) matched[pairs.rows[pair] as number] = 1;
    });
    if (!right.complete) {
      left.table.insert(keyed, hashes);
      if (matched !== null) this.#matched.append(matched);
    } else if (matched !== null) this.#emitUnmatched(keyed, matched);
  }

  #pushRight(batch: Batch): void {
    const { left, right } = this.#sides;
    if (left.complete && left.table.numRows === 0) return;
    const { keyed } = splitByNullKeys(batch, right.keys);
    if (keyed.numRows === 0) return;
    const hashes = keyHashes(keyed, right.keys);
    left.table.probe(keyed, right.keys, hashes, outputRowsMax, (pairs: Pairs) => {
      const kept = this.#emitPairs(left.table.rows(), pairs.stored, keyed, pairs.rows);
      if (this.#node.type === 'left') for (const pair of kept) this.#matched.set(pairs.stored[pair] as number);
    });
    if (!left.complete) right.table.insert(keyed, hashes);
  }

  /** Passes on those of the pairs that the residual accepts. @returns their positions among the pairs */
  #emitPairs(left: Batch, leftRows: Int32Array, right: Batch, rightRows: Int32Array): Int32Array {
    const kept = this.#residual?.(this.#candidates(left, leftRows, right, rightRows)) ?? rowRange(0, leftRows.length);
    if (kept.length === 0) return kept;
    const all = kept.length === leftRows.length;
    const rowsOfLeft = all ? leftRows : kept.map((pair) => leftRows[pair] as number);
    const rowsOfRight = all ? rightRows : kept.map((pair) => rightRows[pair] as number);
    this.#output.push({
      schema: this.#node.schema,
      numRows: kept.length,
      columns: [...takeRows(left, rowsOfLeft).columns, ...takeRows(right, rowsOfRight).columns],
    });
    return kept;
  }

  /** The pairs as rows, with only those columns that the residual reads. */
  #candidates(left: Batch, leftRows: Int32Array, right: Batch, rightRows: Int32Array): Batch {
    const used = this.#residualColumns;
    const leftWidth = left.columns.length;
    const take = (column: Column, index: number, rows: Int32Array): Column =>
      used.has(index) ? takeColumn(column, rows) : unread;
    const columns = [
      ...left.columns.map((column, index) => take(column, index, leftRows)),
      ...right.columns.map((column, index) => take(column, leftWidth + index, rightRows)),
    ];
    return { schema: this.#node.schema, numRows: leftRows.length, columns };
  }

  /** Passes on left rows that match nothing, padded with NULLs; `matched` flags the others. */
  #emitUnmatched(rows: Batch, matched: Uint8Array | null): void {
    const alone = unflaggedRows(matched, rows.numRows);
    const { fields } = this.#node.right.schema;
    for (let start = 0; start < alone.length; start += outputRowsMax) {
      const part = alone.subarray(start, start + outputRowsMax);
      const padding = fields.map(({ type }) => constantColumn(type, null, part.length));
      const columns = [...takeRows(rows, part).columns, ...padding];
      this.#output.push({ schema: this.#node.schema, numRows: part.length, columns });
    }
  }

  #complete(name: SideName): void {
    const side = this.#sides[name];
    const other = this.#sides[name === 'left' ? 'right' : 'left'];
    assert(!side.complete, `the ${name} of a join completed twice`);
    side.complete = true;
    if (name === 'right' && this.#node.type === 'left') {
      this.#emitUnmatched(other.table.rows(), this.#matched.view());
    }
    // Rows of the other side were kept for rows of this side, of which there will be no more.
    other.table = new RowTable(other.schema, other.keys);
    if (name === 'right') this.#matched = new RowFlags();
    if (other.complete) this.#finish();
    else this.#account();
  }

  #finish(): void {
    for (const side of Object.values(this.#sides)) {
      side.table = new RowTable(side.schema, side.keys);
      side.complete = false;
    }
    this.#matched = new RowFlags();
    this.#memory.resize(0);
    this.#output.complete();
  }

  #account(): void {
    const { left, right } = this.#sides;
    this.#memory.resize(left.table.bytes + right.table.bytes + this.#matched.bytes);
  }
}

function newSide(schema: Schema, keys: readonly number[]): Side {
  return { schema, keys, table: new RowTable(schema, keys), complete: false };
}

/** Rows whose keys are all there, and those that have a NULL among them, which match nothing. */
function splitByNullKeys(
  batch: Batch,
  keys: readonly number[],
): { readonly keyed: Batch; readonly keyless: Batch | null } {
  const withNull = rowsWithNull(batch, keys);
  if (withNull === null) return { keyed: batch, keyless: null };
  const flags = new Uint8Array(batch.numRows);
  for (let row = 0; row < flags.length; row++) flags[row] = ((withNull[row >> 3] as number) >> (row & 7)) & 1;
  const keyed = unflaggedRows(flags, batch.numRows);
  if (keyed.length === batch.numRows) return { keyed: batch, keyless: null };
  for (let row = 0; row < flags.length; row++) flags[row] = 1 - (flags[row] as number);
  const keyless = unflaggedRows(flags, batch.numRows);
  return { keyed: takeRows(batch, keyed), keyless: takeRows(batch, keyless) };
}

/** Positions of the rows whose flag is 0; all of them without flags. */
function unflaggedRows(flags: Uint8Array | null, numRows: number): Int32Array {
  if (flags === null) return rowRange(0, numRows);
  const rows = new Int32Array(numRows);
  let count = 0;
  for (let row = 0; row < numRows; row++) if (flags[row] === 0) rows[count++] = row;
  return rows.subarray(0, count);
}
