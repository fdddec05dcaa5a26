const initialBytes = 8 * 1024;

/**
 * Builds backend messages one behind the other in one buffer, so that a flush is a single write.
 * Usage: `begin('D')`, fields, `end()`.
 */
export class MessageWriter {
  #buffer = Buffer.allocUnsafe(initialBytes);
  #at = 0;
  #lengthAt = 0;

  get pendingBytes(): number {
    return this.#at;
  }

  begin(type: string): void {
    this.#reserve(5);
    this.#at = this.#buffer.writeUInt8(type.charCodeAt(0), this.#at);
    this.#lengthAt = this.#at;
    this.#at += 4;
  }

  end(): void {
    this.#buffer.writeInt32BE(this.#at - this.#lengthAt, this.#lengthAt);
  }

  int16(value: number): void {
    this.#reserve(2);
    this.#at = this.#buffer.writeInt16BE(value, this.#at);
  }

  int32(value: number): void {
    this.#reserve(4);
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
  }

  /** An object id: unsigned 32 bits. */
  oid(value: number): void {
    this.#reserve(4);
    this.#at = this.#buffer.writeUInt32BE(value, this.#at);
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  /** A zero-terminated string. A zero character in it cannot be sent and is left out. */
  string(value: string): void {
    this.#text(value.includes('\0') ? value.replaceAll('\0', '') : value);
    this.#reserve(1);
    this.#at = this.#buffer.writeUInt8(0, this.#at);
  }

  byte(value: string): void {
    this.#reserve(1);
    this.#at = this.#buffer.writeUInt8(value.charCodeAt(0), this.#at);
  }

  /** A value of a data row: its length in bytes, then its text; length -1 is NULL. */
  cell(value: string | null): void {
    if (value === null) {
      this.int32(-1);
      return;
    }
    this.#reserve(4);
    const lengthAt = this.#at;
    this.#at += 4;
    this.#text(value);
    this.#buffer.writeInt32BE(this.#at - lengthAt - 4, lengthAt);
  }

  cellBytes(value: Uint8Array): void {
    this.int32(value.length);
    this.bytes(value);
  }

  /** Everything written since the last time; the writer forgets it. */
  take(): Buffer {
    const written = this.#buffer.subarray(0, this.#at);
    // The socket keeps `written` until it is sent: go on behind it while there is room.
    this.#buffer =
      this.#buffer.length - this.#at >= 1024 ? this.#buffer.subarray(this.#at) : Buffer.allocUnsafe(initialBytes);
    this.#at = 0;
    return written;
  }

  #text(value: string): void {
    this.#reserve(value.length * 3);
    this.#at += this.#buffer.write(value, this.#at, 'utf8');
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
