import { type Column, type ColumnValues, QueryError, type SqlType, type TypeKind } from '../../columnar/index.ts';

type FixedValues = Exclude<ColumnValues, Uint8Array>;

interface FixedLayout {
  readonly array: new (buffer: ArrayBuffer) => FixedValues;
  readonly rowBytes: number;
}

const fixedLayouts: Readonly<Partial<Record<TypeKind, FixedLayout>>> = {
  int2: { array: Int16Array, rowBytes: 2 },
  int4: { array: Int32Array, rowBytes: 4 },
  date: { array: Int32Array, rowBytes: 4 },
  int8: { array: BigInt64Array, rowBytes: 8 },
  timestamp: { array: BigInt64Array, rowBytes: 8 },
  timestamptz: { array: BigInt64Array, rowBytes: 8 },
  float4: { array: Float32Array, rowBytes: 4 },
  float8: { array: Float64Array, rowBytes: 8 },
  numeric: { array: BigInt64Array, rowBytes: 16 },
  interval: { array: Int32Array, rowBytes: 16 },
};

const rowsMin = 16;
/** Offsets are 32-bit. */
const textBytesMax = 2 ** 31 - 1;

/**
 * A column that grows, in Arrow's layout at every moment: `view` is a column without a copy. Capacity
 * doubles. Room is made by `reserve` before rows are appended, so that generated loops may hold on to the arrays.
 */
export class ColumnStore {
  readonly type: SqlType;
  #length = 0;
  #capacity = 0;
  readonly #rowBytes: number;
  readonly #fixed: FixedLayout | null;
  #values: ColumnValues;
  /** The same memory as 16-bit units, for copying one cell; fixed-width types only. */
  #units: Int16Array = new Int16Array(0);
  #offsets: Int32Array | null;
  #validity: Uint8Array | null = null;

  constructor(type: SqlType) {
    this.type = type;
    this.#fixed = fixedLayouts[type.kind] ?? null;
    this.#rowBytes = this.#fixed?.rowBytes ?? 0;
    this.#values = this.#fixed === null ? new Uint8Array(0) : new this.#fixed.array(new ArrayBuffer(0));
    this.#offsets = type.kind === 'text' || type.kind === 'bytea' ? new Int32Array(1) : null;
  }

  /** Bytes of memory held. */
  get bytes(): number {
    return this.#values.byteLength + (this.#offsets?.byteLength ?? 0) + (this.#validity?.byteLength ?? 0);
  }

  view(): Column {
    return {
      type: this.type,
      length: this.#length,
      validity: this.#validity,
      values: this.#values,
      offsets: this.#offsets,
    };
  }

  /** Makes room for the first `rows` rows of `column`, and for NULLs if it may hold any. */
  reserve(column: Column, rows: number): void {
    const needed = this.#length + rows;
    if (needed > this.#capacity) this.#grow(Math.max(needed, 2 * this.#capacity, rowsMin));
    if (column.validity !== null && this.#validity === null) {
      this.#validity = new Uint8Array((this.#capacity + 7) >> 3);
      setOnes(this.#validity, 0, this.#length);
    }
    if (this.#offsets === null || column.offsets === null) return;
    const used = this.#offsets[this.#length] as number;
    const bytes = used + (column.offsets[rows] as number) - (column.offsets[0] as number);
    if (bytes > textBytesMax)
      throw new QueryError('outOfMemory', 'more than 2 GiB of text in one column of an operator');
    if (bytes > this.#values.length) {
      this.#values = grownBytes(this.#values as Uint8Array, Math.min(textBytesMax, Math.max(bytes, 2 * used)));
    }
  }

  #grow(capacity: number): void {
    this.#capacity = capacity;
    if (this.#fixed !== null) {
      const buffer = new ArrayBuffer(capacity * this.#rowBytes);
      const units = new Int16Array(buffer);
      units.set(this.#units);
      this.#units = units;
      this.#values = new this.#fixed.array(buffer);
    } else if (this.#offsets === null) {
      this.#values = grownBytes(this.#values as Uint8Array, (capacity + 7) >> 3);
    } else {
      const offsets = new Int32Array(capacity + 1);
      offsets.set(this.#offsets);
      this.#offsets = offsets;
    }
    if (this.#validity !== null) this.#validity = grownBytes(this.#validity, (capacity + 7) >> 3);
  }

  /** A function that appends one cell of `column`, for which there is room: good until the next `reserve`. */
  cellAppender(column: Column): (row: number) => void {
    const append = this.#valueAppender(column);
    const target = this.#validity;
    if (target === null) return append;
    const source = column.validity;
    return (row) => {
      if (source === null || bitAt(source, row)) setBitAt(target, this.#length);
      append(row);
    };
  }

  #valueAppender(column: Column): (row: number) => void {
    if (this.#fixed !== null) return this.#fixedAppender(column.values);
    if (this.#offsets !== null) return this.#bytesAppender(column, this.#offsets);
    const target = this.#values as Uint8Array;
    const source = column.values as Uint8Array;
    return (row) => {
      if (bitAt(source, row)) setBitAt(target, this.#length);
      this.#length++;
    };
  }

  #fixedAppender(values: ColumnValues): (row: number) => void {
    const width = this.#rowBytes >> 1;
    const target = this.#units;
    const source = new Int16Array(values.buffer, values.byteOffset, values.byteLength >> 1);
    return (row) => {
      let to = this.#length * width;
      const end = (row + 1) * width;
      for (let from = row * width; from < end; from++) target[to++] = source[from] as number;
      this.#length++;
    };
  }

  #bytesAppender(column: Column, targetOffsets: Int32Array): (row: number) => void {
    const offsets = column.offsets as Int32Array;
    const source = column.values as Uint8Array;
    const target = this.#values as Uint8Array;
    return (row) => {
      let to = targetOffsets[this.#length] as number;
      const end = offsets[row + 1] as number;
      for (let from = offsets[row] as number; from < end; from++) target[to++] = source[from] as number;
      this.#length++;
      targetOffsets[this.#length] = to;
    };
  }

  /** Appends the first `rows` cells, for which there is room. */
  appendColumn(column: Column, rows: number): void {
    const first = this.#length;
    this.#length += rows;
    if (this.#validity !== null) {
      if (column.validity === null) setOnes(this.#validity, first, rows);
      else appendBits(this.#validity, first, column.validity, rows);
    }
    if (this.#fixed !== null) {
      const { values } = column;
      const units = new Int16Array(values.buffer, values.byteOffset, (rows * this.#rowBytes) >> 1);
      this.#units.set(units, (first * this.#rowBytes) >> 1);
    } else if (this.#offsets === null) {
      appendBits(this.#values as Uint8Array, first, column.values as Uint8Array, rows);
    } else {
      this.#appendBytes(this.#offsets, first, column, rows);
    }
  }

  #appendBytes(offsets: Int32Array, first: number, column: Column, rows: number): void {
    const source = column.offsets as Int32Array;
    const start = source[0] as number;
    const shift = (offsets[first] as number) - start;
    for (let row = 1; row <= rows; row++) offsets[first + row] = (source[row] as number) + shift;
    (this.#values as Uint8Array).set((column.values as Uint8Array).subarray(start, source[rows]), start + shift);
  }
}

function grownBytes(bytes: Uint8Array, capacity: number): Uint8Array {
  const grown = new Uint8Array(capacity);
  grown.set(bytes.subarray(0, capacity));
  return grown;
}

function bitAt(bits: Uint8Array, index: number): boolean {
  return (((bits[index >> 3] as number) >> (index & 7)) & 1) === 1;
}

function setBitAt(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7));
}

function setOnes(bits: Uint8Array, first: number, count: number): void {
  const end = first + count;
  let index = first;
  while (index < end && (index & 7) !== 0) setBitAt(bits, index++);
  const wholeEnd = end & ~7;
  if (index < wholeEnd) {
    bits.fill(0xff, index >> 3, wholeEnd >> 3);
    index = wholeEnd;
  }
  while (index < end) setBitAt(bits, index++);
}

/** Copies `count` bits to position `first` of `target`, which is zero from there on. */
function appendBits(target: Uint8Array, first: number, source: Uint8Array, count: number): void {
  const shift = first & 7;
  let at = first >> 3;
  for (let taken = 0; taken < count; taken += 8, at++) {
    const left = count - taken;
    const byte = (source[taken >> 3] as number) & (left >= 8 ? 0xff : (1 << left) - 1);
    target[at] = (target[at] as number) | (byte << shift);
    if (shift > 0 && at + 1 < target.length) target[at + 1] = (target[at + 1] as number) | (byte >> (8 - shift));
  }
}
