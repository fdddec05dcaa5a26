import assert from 'node:assert/strict';
import { type Column, type SqlType, takeColumn, types } from '../../columnar/index.ts';
import { GroupTable } from '../store/group-table.ts';
import { decodeSets, encodeSets } from './sets.ts';
import type { AggregateState } from './state.ts';

/**
 * Any aggregate with DISTINCT: the pairs of group and value that occurred, numbered by one hash table for all
 * groups. They are folded into the plain aggregate at the end; between nodes they travel as sets of values.
 */
export class Distinct implements AggregateState {
  readonly columnCount = 1;
  readonly #pairs: GroupTable;
  readonly #type: SqlType;
  readonly #plain: () => AggregateState;

  /** @param type of the values; `plain` makes the aggregate without DISTINCT */
  constructor(type: SqlType, plain: () => AggregateState) {
    this.#pairs = new GroupTable([types.int4, type]);
    this.#type = type;
    this.#plain = plain;
  }

  get bytes(): number {
    return this.#pairs.bytes;
  }

  /** Groups without a value take no room. */
  reserve(): void {}

  update(groups: Int32Array, argument: Column | null): void {
    assert(argument !== null);
    if (argument.validity === null) {
      this.#add(groups, argument);
      return;
    }
    const rows = validRows(argument.validity, groups.length);
    const present = { ...takeColumn(argument, rows), validity: null };
    this.#add(
      rows.map((row) => groups[row] as number),
      present,
    );
  }

  #add(groups: Int32Array, values: Column): void {
    const groupColumn: Column = {
      type: types.int4,
      length: groups.length,
      validity: null,
      values: groups,
      offsets: null,
    };
    this.#pairs.groupsOf([groupColumn, values], groups.length);
  }

  merge(groups: Int32Array, [sets]: readonly Column[]): void {
    assert(sets !== undefined);
    const { owners, values } = decodeSets(sets, this.#type);
    this.#add(
      owners.map((row) => groups[row] as number),
      values,
    );
  }

  states(groupCount: number): Column[] {
    const { groups, values } = this.#pairsByColumn();
    return [encodeSets(groups, values, groupCount)];
  }

  results(groupCount: number): Column {
    const { groups, values } = this.#pairsByColumn();
    const plain = this.#plain();
    plain.reserve(groupCount);
    plain.update(groups, values);
    return plain.results(groupCount);
  }

  #pairsByColumn(): { readonly groups: Int32Array; readonly values: Column } {
    const [groups, values] = this.#pairs.keys();
    assert(groups !== undefined && values !== undefined);
    return { groups: (groups.values as Int32Array).subarray(0, groups.length), values };
  }
}

function validRows(validity: Uint8Array, length: number): Int32Array {
  const rows = new Int32Array(length);
  let count = 0;
  for (let row = 0; row < length; row++) {
    if ((((validity[row >> 3] as number) >> (row & 7)) & 1) === 1) rows[count++] = row;
  }
  return rows.subarray(0, count);
}
