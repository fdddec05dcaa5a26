import { fileError } from './failure.ts';
import { countLines } from './text-chunks.ts';

const quote = 0x22;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** How a field is written: the values of `CsvRecords.forms`. */
export const fieldForm = { plain: 0, quoted: 1, escaped: 2 } as const;

/**
 * Splits bytes into records of fields after RFC 4180: fields in `"` may hold delimiters, newlines and `""`;
 * lines end in LF, CRLF or CR; blank lines are skipped (unless a record has one field, where they are an
 * empty field). Keeps positions only: field `c` of record `r` is `bytes[starts[i], ends[i])` with
 * `i = r * width + c`; an `escaped` one still holds its `""` pairs.
 */
export class CsvRecords {
  readonly #path: string;
  readonly #delimiter: number;
  /** Fields of a record; 0 until the first record sets it. */
  width = 0;
  bytes: Uint8Array = new Uint8Array();
  starts = new Int32Array(1024);
  ends = new Int32Array(1024);
  forms = new Uint8Array(1024);
  #at = 0;
  #line = 1;

  constructor(path: string, delimiter: number) {
    this.#path = path;
    this.#delimiter = delimiter;
  }

  /** See `TakeRecords`. @throws QueryError `file` for a malformed record */
  take(bytes: Uint8Array, final: boolean, rowsMax: number, line: number): { bytesTaken: number; rows: number } {
    this.bytes = bytes;
    this.#line = line;
    let taken = 0;
    let rows = 0;
    this.#at = 0;
    while (rows < rowsMax && this.#at < bytes.length) {
      const next = bytes[this.#at];
      if ((next === lineFeed || next === carriageReturn) && this.width !== 1) {
        this.#at++;
        taken = this.#at;
        continue;
      }
      if (!this.#record(rows, final)) break;
      rows++;
      taken = this.#at;
    }
    return { bytesTaken: taken, rows };
  }

  /** Line of a record, for messages. */
  lineOf(record: number): number {
    return this.#line + countLines(this.bytes, this.starts[record * this.width] ?? 0);
  }

  /** False when the bytes end within the record and more may follow. */
  #record(record: number, final: boolean): boolean {
    const { bytes } = this;
    const delimiter = this.#delimiter;
    const base = record * this.width;
    for (let column = 0; ; column++) {
      this.#reserve(base + column);
      if (bytes[this.#at] === quote) {
        if (!this.#quotedField(base + column, final)) return false;
      } else {
        let at = this.#at;
        for (; at < bytes.length; at++) {
          const byte = bytes[at];
          if (byte === delimiter || byte === lineFeed || byte === carriageReturn) break;
        }
        this.#field(base + column, this.#at, at, fieldForm.plain);
        this.#at = at;
      }
      if (this.#at >= bytes.length) {
        if (!final) return false;
      } else if (bytes[this.#at] === delimiter) {
        this.#at++;
        continue;
      } else if (!this.#endOfLine(final)) {
        return false;
      }
      this.#checkWidth(base, column + 1);
      return true;
    }
  }

  #quotedField(index: number, final: boolean): boolean {
    const { bytes } = this;
    const start = this.#at + 1;
    let form: number = fieldForm.quoted;
    let at = start;
    for (; ; at++) {
      while (at < bytes.length && bytes[at] !== quote) at++;
      if (at + 1 < bytes.length && bytes[at + 1] === quote) {
        form = fieldForm.escaped;
        at++;
        continue;
      }
      break;
    }
    if (at >= bytes.length) {
      if (final) throw this.#error('a quote is opened and never closed', start);
      return false;
    }
    // A quote at the very end may be the first of a pair: `#record` then asks for more bytes.
    this.#field(index, start, at, form);
    const after = bytes[at + 1];
    if (after !== undefined && after !== this.#delimiter && after !== lineFeed && after !== carriageReturn) {
      throw this.#error('text follows a closing quote', at);
    }
    this.#at = at + 1;
    return true;
  }

  /** Steps over LF, CRLF or CR. False when a CR ends the bytes and an LF may follow. */
  #endOfLine(final: boolean): boolean {
    const { bytes } = this;
    if (bytes[this.#at] === carriageReturn) {
      if (this.#at + 1 === bytes.length && !final) return false;
      if (bytes[this.#at + 1] === lineFeed) this.#at++;
    }
    this.#at++;
    return true;
  }

  #checkWidth(base: number, fields: number): void {
    if (this.width === 0) this.width = fields;
    if (fields === this.width) return;
    const start = this.starts[base] ?? 0;
    throw this.#error(`${count(fields)} where the header has ${this.width}`, start);
  }

  #field(index: number, start: number, end: number, form: number): void {
    this.starts[index] = start;
    this.ends[index] = end;
    this.forms[index] = form;
  }

  #reserve(index: number): void {
    if (index < this.starts.length) return;
    this.starts = grown(this.starts, new Int32Array(this.starts.length * 2));
    this.ends = grown(this.ends, new Int32Array(this.ends.length * 2));
    this.forms = grown(this.forms, new Uint8Array(this.forms.length * 2));
  }

  #error(message: string, at: number): Error {
    return fileError(this.#path, message, this.#line + countLines(this.bytes, at));
  }
}

function grown<T extends Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function count(fields: number): string {
  return fields === 1 ? '1 field' : `${fields} fields`;
}
