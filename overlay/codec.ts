import { strict as assert } from 'node:assert';
import { isIPv6 } from 'node:net';
import { Interned } from './interned.ts';
import { keyBytes, keyIn, writeKey } from './keys.ts';
import type { Contact, Key, Region } from './overlay.ts';
import { RegionSet } from './region.ts';

/** Bytes that are no message of ours. The only error that decoding throws. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}

/** How one kind of value is laid out in bytes; `read` validates whatever it reads. */
export interface Codec<T> {
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
}

/** What small messages are written to first: to make a buffer costs more than to fill it. */
const scratchBytes = 256;
/** Writers whose scratch nobody uses. */
const idle: Writer[] = [];

/** Appends to a buffer that grows. */
export class Writer {
  #buffer: Buffer;
  #length = 0;

  private constructor(bytesExpected: number) {
    this.#buffer = Buffer.allocUnsafe(bytesExpected);
  }

  /** To write one value or message, up to `finish`. */
  static begin(bytesExpected: number): Writer {
    if (bytesExpected > scratchBytes) return new Writer(bytesExpected);
    return idle.pop() ?? new Writer(scratchBytes);
  }

  /** Makes room for `bytes` more; returns where they start. */
  claim(bytes: number): number {
    const start = this.#length;
    this.#length += bytes;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, start);
      this.#buffer = larger;
    }
    return start;
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  /** What was written, in memory of its own; the writer is not to be used any more. */
  finish(): Uint8Array {
    const buffer = this.#buffer;
    const length = this.#length;
    if (buffer.length !== scratchBytes) return length === buffer.length ? buffer : buffer.subarray(0, length);
    const written = Buffer.allocUnsafe(length);
    // In range by what was claimed; for so few bytes quicker than any call that copies.
    for (let i = 0; i < length; i++) written[i] = buffer[i] as number;
    this.#length = 0;
    idle.push(this);
    return written;
  }
}

/** Walks over bytes; asks for more than there is throw. */
export class Reader {
  readonly buffer: Buffer;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Passes over `bytes`; returns where they start. */
  take(bytes: number): number {
    const start = this.#position;
    if (start + bytes > this.buffer.length) throw new CodecError('message ends early');
    this.#position = start + bytes;
    return start;
  }

  expectEnd(): void {
    if (this.#position !== this.buffer.length) throw new CodecError('message goes on after its end');
  }
}

/** Encodes one value alone. */
export function encode<T>(codec: Codec<T>, value: T, bytesExpected = 128): Uint8Array {
  const writer = Writer.begin(bytesExpected);
  codec.write(writer, value);
  return writer.finish();
}

/** Inverse of `encode`. @throws CodecError, and nothing else, when the bytes are not exactly one value */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const reader = new Reader(bytes);
  const value = codec.read(reader);
  reader.expectEnd();
  return value;
}

// ---- Numbers

export const u8: Codec<number> = {
  write: (writer, value) => {
    const at = writer.claim(1);
    writer.buffer.writeUInt8(value, at);
  },
  read: (reader) => reader.buffer.readUInt8(reader.take(1)),
};

export const u16: Codec<number> = {
  write: (writer, value) => {
    const at = writer.claim(2);
    writer.buffer.writeUInt16LE(value, at);
  },
  read: (reader) => reader.buffer.readUInt16LE(reader.take(2)),
};

export const u32: Codec<number> = {
  write: (writer, value) => {
    const at = writer.claim(4);
    writer.buffer.writeUInt32LE(value, at);
  },
  read: (reader) => reader.buffer.readUInt32LE(reader.take(4)),
};

export const u64: Codec<bigint> = {
  write: (writer, value) => {
    const at = writer.claim(8);
    writer.buffer.writeBigUInt64LE(value, at);
  },
  read: (reader) => reader.buffer.readBigUInt64LE(reader.take(8)),
};

/** A duration in milliseconds, rounded to whole ones, of up to 49 days; longer ones count as that. */
export const elapsed: Codec<number> = {
  write: (writer, value) => u32.write(writer, Math.min(0xffff_ffff, Math.round(value))),
  read: (reader) => u32.read(reader),
};

/** A time or a duration in milliseconds: finite and not negative. */
export const milliseconds: Codec<number> = {
  write: (writer, value) => {
    const at = writer.claim(8);
    writer.buffer.writeDoubleLE(value, at);
  },
  read: (reader) => {
    const value = reader.buffer.readDoubleLE(reader.take(8));
    if (!Number.isFinite(value) || value < 0) throw new CodecError('not a time');
    return value;
  },
};

export const flag: Codec<boolean> = {
  write: (writer, value) => u8.write(writer, value ? 1 : 0),
  read: (reader) => {
    const value = u8.read(reader);
    if (value > 1) throw new CodecError('not a flag');
    return value === 1;
  },
};

/** Zeroes that align what follows. */
export function padding(bytes: number): Codec<null> {
  return {
    write: (writer) => {
      const at = writer.claim(bytes);
      writer.buffer.fill(0, at, at + bytes);
    },
    read: (reader) => {
      const at = reader.take(bytes);
      for (let i = at; i < at + bytes; i++) if (reader.buffer[i] !== 0) throw new CodecError('padding is not zero');
      return null;
    },
  };
}

// ---- Bytes and text

/** At most `bytesMax` bytes; what is read is a view of the message. */
export function bytes(bytesMax: number): Codec<Uint8Array> {
  return {
    write: (writer, value) => {
      // Here and wherever every frame passes: `assert(…, text)` would put its text together each time.
      if (value.length > bytesMax) assert.fail(`${value.length} bytes exceed ${bytesMax}`);
      u32.write(writer, value.length);
      const at = writer.claim(value.length);
      writer.buffer.set(value, at);
    },
    read: (reader) => {
      const length = u32.read(reader);
      if (length > bytesMax) throw new CodecError(`${length} bytes exceed ${bytesMax}`);
      const at = reader.take(length);
      return reader.buffer.subarray(at, at + length);
    },
  };
}

/** Text of up to so many bytes is looked at byte by byte first: to decode a short name takes longer than to see that it is ASCII. */
const asciiBytesMax = 128;

/** Null unless it is short and ASCII. */
function shortAscii(buffer: Buffer, start: number, end: number): string | null {
  if (end - start > asciiBytesMax) return null;
  for (let i = start; i < end; i++) if ((buffer[i] as number) > 0x7f) return null;
  return buffer.toString('latin1', start, end);
}

/** UTF-8 text of at most `bytesMax` bytes, itself at most 65,535. */
export function text(bytesMax: number): Codec<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return {
    write: (writer, value) => {
      const length = Buffer.byteLength(value);
      if (length > bytesMax) assert.fail(`${length} bytes of text exceed ${bytesMax}`);
      const at = writer.claim(2 + length);
      writer.buffer.writeUInt16LE(length, at);
      writer.buffer.write(value, at + 2, length, 'utf8');
    },
    read: (reader) => {
      const length = reader.buffer.readUInt16LE(reader.take(2));
      if (length > bytesMax) throw new CodecError(`${length} bytes of text exceed ${bytesMax}`);
      const at = reader.take(length);
      const ascii = shortAscii(reader.buffer, at, at + length);
      if (ascii !== null) return ascii;
      try {
        return decoder.decode(reader.buffer.subarray(at, at + length));
      } catch (cause) {
        throw new CodecError('text is not UTF-8', { cause });
      }
    },
  };
}

// ---- Things of the ring

export const key: Codec<Key> = {
  write: (writer, value) => {
    const at = writer.claim(keyBytes);
    writeKey(value, writer.buffer, at);
  },
  read: (reader) => keyIn(reader.buffer, reader.take(keyBytes)),
};

/** Members of a fleet whose ids and contacts are read without making them anew. */
const membersInternedMax = 2 ** 16;
const memberIds = new Interned<Key>(keyBytes, membersInternedMax);

/** The id of a member, of whom there are fewer than there are keys. */
export const memberId: Codec<Key> = {
  write: key.write,
  read: (reader) => memberIdAt(reader.buffer, reader.take(keyBytes)),
};

function memberIdAt(buffer: Buffer, at: number): Key {
  const known = memberIds.get(buffer, at, keyBytes);
  if (known !== undefined) return known;
  const id = keyIn(buffer, at);
  memberIds.keep(buffer, at, keyBytes, id);
  return id;
}

const addressBytesMax = 255;
/** Four of the host, two of the port. */
const v4Bytes = 6;
const addressPattern = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|[A-Za-z0-9._-]+):(?<port>\d{1,5})$/;
/** Without leading zeros, so that there is one way to write each. */
const v4Pattern = new RegExp(`^${Array(4).fill('(0|[1-9]\\d{0,2})').join('\\.')}:(0|[1-9]\\d{0,4})$`);

/**
 * `host:port`, IPv6 hosts in brackets; printable ASCII after its length. What reads `1.2.3.4:5` is six bytes after
 * a zero instead: contacts are most of what members tell each other.
 */
export const address: Codec<string> = {
  write: (writer, value) => {
    if (value.length > addressBytesMax) assert.fail(`address too long: ${value}`);
    const packed = packV4(value);
    if (packed) {
      const at = writer.claim(1 + packed.length);
      writer.buffer.writeUInt8(0, at);
      writer.buffer.set(packed, at + 1);
      return;
    }
    const at = writer.claim(1 + value.length);
    writer.buffer.writeUInt8(value.length, at);
    writer.buffer.write(value, at + 1, value.length, 'latin1');
  },
  read: (reader) => {
    const at = reader.take(1);
    reader.take(addressBytes(reader.buffer, at) - 1);
    return addressAt(reader.buffer, at);
  },
};

/** How long an address is, its first byte included, by that byte. */
function addressBytes(buffer: Buffer, at: number): number {
  const length = buffer[at] as number;
  return 1 + (length === 0 ? v4Bytes : length);
}

function addressAt(buffer: Buffer, at: number): string {
  const length = buffer[at] as number;
  if (length === 0) return unpackV4(buffer, at + 1);
  const value = buffer.toString('latin1', at + 1, at + 1 + length);
  const parts = addressPattern.exec(value)?.groups;
  if (!parts || Number(parts.port) > 65_535) throw new CodecError('not an address');
  if (parts.v6 !== undefined && !isIPv6(parts.v6)) throw new CodecError('not an address');
  return value;
}

/** Null unless the address is written exactly as `unpackV4` would write it. */
function packV4(value: string): readonly number[] | null {
  const parts = v4Pattern.exec(value);
  if (!parts) return null;
  const numbers = parts.slice(1).map(Number);
  const port = numbers.pop() as number;
  if (port > 65_535 || numbers.some((part) => part > 255)) return null;
  return [...numbers, port & 255, port >>> 8];
}

function unpackV4(buffer: Buffer, at: number): string {
  const host = `${buffer[at]}.${buffer[at + 1]}.${buffer[at + 2]}.${buffer[at + 3]}`;
  return `${host}:${buffer.readUInt16LE(at + 4)}`;
}

/** An id and an address as most are; longer addresses are read anew each time. */
const contactBytesInterned = keyBytes + 32;
const contacts = new Interned<Contact>(contactBytesInterned, membersInternedMax);

export const contact: Codec<Contact> = {
  write: (writer, { id, address: value }) => {
    key.write(writer, id);
    address.write(writer, value);
  },
  read: (reader) => {
    const { buffer } = reader;
    const at = reader.take(keyBytes + 1);
    const length = keyBytes + addressBytes(buffer, at + keyBytes);
    reader.take(length - keyBytes - 1);
    const known = contacts.get(buffer, at, length);
    if (known) return known;
    const read = { id: memberIdAt(buffer, at), address: addressAt(buffer, at + keyBytes) };
    contacts.keep(buffer, at, length, read);
    return read;
  },
};

export const region: Codec<Region> = struct({ from: key, to: key });

/** A key without the zeros that it ends in: regions often begin at round numbers. */
export const roundKey: Codec<Key> = {
  write: (writer, value) => {
    const bytes = Math.ceil(value.replace(/0+$/, '').length / 2);
    const at = writer.claim(1 + bytes);
    writer.buffer.writeUInt8(bytes, at);
    writer.buffer.write(value, at + 1, bytes, 'hex');
  },
  read: (reader) => {
    const bytes = u8.read(reader);
    if (bytes > keyBytes) throw new CodecError('key is too long');
    const at = reader.take(bytes);
    return reader.buffer.toString('hex', at, at + bytes).padEnd(2 * keyBytes, '0');
  },
};

/** Regions in one set: more than any node's own, in any geometry. */
export const regionsMax = 2_048;

/** A set of at most `countMax` regions; a larger one is written as a subset of itself. */
export function regionSet(countMax = regionsMax): Codec<RegionSet> {
  const edges = list(roundKey, 2 * countMax);
  return {
    write: (writer, value) => {
      const regions = value.edges.length <= 2 * countMax ? value : new RegionSet(value.regions().slice(0, countMax));
      flag.write(writer, regions.insideAtEnd);
      edges.write(writer, regions.edges);
    },
    read: (reader) => {
      const insideAtEnd = flag.read(reader);
      try {
        return RegionSet.fromEdges(edges.read(reader), insideAtEnd);
      } catch (cause) {
        if (cause instanceof RangeError) throw new CodecError(cause.message, { cause });
        throw cause;
      }
    },
  };
}

// ---- Composition

/** At most `itemsMax` values of one kind, itself at most 65,535. */
export function list<T>(item: Codec<T>, itemsMax: number): Codec<readonly T[]> {
  return {
    write: (writer, value) => {
      if (value.length > itemsMax) assert.fail(`${value.length} items exceed ${itemsMax}`);
      const at = writer.claim(2);
      writer.buffer.writeUInt16LE(value.length, at);
      for (const one of value) item.write(writer, one);
    },
    read: (reader) => {
      const length = reader.buffer.readUInt16LE(reader.take(2));
      if (length > itemsMax) throw new CodecError(`${length} items exceed ${itemsMax}`);
      const items: T[] = [];
      for (let i = 0; i < length; i++) items.push(item.read(reader));
      return items;
    },
  };
}

export function nullable<T>(codec: Codec<T>): Codec<T | null> {
  return {
    write: (writer, value) => {
      flag.write(writer, value !== null);
      if (value !== null) codec.write(writer, value);
    },
    read: (reader) => (flag.read(reader) ? codec.read(reader) : null),
  };
}

/** Named fields, one after the other in the order given. */
export function struct<T extends object>(fields: { readonly [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const entries = (Object.keys(fields) as (keyof T)[]).map((name) => ({ name, codec: fields[name] }));
  return {
    write: (writer, value) => {
      for (const { name, codec } of entries) codec.write(writer, value[name]);
    },
    read: (reader) => {
      const value: Partial<T> = {};
      for (const { name, codec } of entries) value[name] = codec.read(reader);
      return value as T;
    },
  };
}

/** One of a few words, by its position in the list. */
export function oneOf<const T extends string>(words: readonly T[]): Codec<T> {
  return {
    write: (writer, value) => u8.write(writer, words.indexOf(value)),
    read: (reader) => {
      const word = words[u8.read(reader)];
      if (word === undefined) throw new CodecError('unknown word');
      return word;
    },
  };
}

/** A union told apart by `type`: one byte for the case, then its other fields. Numbers of cases are for ever. */
export function tagged<M extends { readonly type: string }>(
  cases: {
    readonly [T in M['type']]: readonly [tag: number, fields: Codec<Omit<Extract<M, { type: T }>, 'type'>>];
  },
): Codec<M> {
  type Fields = Omit<M, 'type'>;
  const byType = new Map(Object.entries(cases) as [M['type'], readonly [number, Codec<Fields>]][]);
  const byTag = new Map([...byType].map(([type, [tag, fields]]) => [tag, { type, fields }]));
  assert(byTag.size === byType.size, 'every case has its own tag');
  return {
    write: (writer, message) => {
      const [tag, fields] = byType.get(message.type) as readonly [number, Codec<Fields>];
      u8.write(writer, tag);
      fields.write(writer, message);
    },
    read: (reader) => {
      const found = byTag.get(u8.read(reader));
      if (!found) throw new CodecError('unknown kind of message');
      // Fields are read into an object of their own, which nobody else has: no need of another.
      const message: Partial<Record<'type', M['type']>> = found.fields.read(reader);
      message.type = found.type;
      return message as M;
    },
  };
}
