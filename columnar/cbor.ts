import { Decoder, Encoder } from 'cbor-x';
import { QueryError } from './error.ts';

// Plain data between processes, as CBOR (RFC 8949) with maps as objects. What a peer sent is walked once before it is
// decoded, and refused if it is more than plain data: the decoder also understands tags for shared and for packed values,
// with which a few kilobytes become gigabytes.

const options = { useRecords: false, tagUint8Array: false, mapsAsObjects: true } as const;
const encoder = new Encoder(options);
const decoder = new Decoder(options);

/** Deepest nesting that is read; plans, the deepest we send, have two levels an operator. */
const depthMax = 4_096;
/** Longest integer beyond 64 bits, in bytes: numeric has 38 digits. */
const bigIntegerBytesMax = 17;

/** The bytes lie in a larger buffer that is not written again: copy what is kept for long. */
export function encodeCbor(value: unknown): Uint8Array {
  return encoder.encode(value);
}

/**
 * Reads what `encodeCbor` wrote. The values it makes are no more than the bytes have items, and byte strings are views.
 * @throws QueryError `protocol`, and nothing else
 */
export function decodeCbor(bytes: Uint8Array): unknown {
  new Walk(bytes).run();
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new QueryError('protocol', 'malformed CBOR', { cause });
  }
}

const major = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6, simple: 7 } as const;
/** `additional information` of 24 to 27 says that so many bytes of argument follow. */
const argumentBytes: Readonly<Record<number, number>> = { 24: 1, 25: 2, 26: 4, 27: 8 };
const simpleValues = new Set([20, 21, 22, 23, 25, 26, 27]); // false, true, null, undefined, and three widths of float
const bigIntegerTags = new Set([2, 3]);

/** Passes over exactly one item that is all there, of the kinds that `encodeCbor` writes. */
class Walk {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): void {
    /** Items still to come, by level; a map's are negative, so that its keys are known. */
    const open: number[] = [];
    do {
      const left = open.at(-1) ?? 0;
      const inside = this.#item(left < 0 && left % 2 === 0);
      if (open.length > 0) open[open.length - 1] = left - Math.sign(left);
      if (inside !== 0) open.push(inside);
      check(open.length <= depthMax, 'nested too deep');
      while (open.at(-1) === 0) open.pop();
    } while (open.length > 0);
    check(this.#at === this.#bytes.length, 'bytes left over');
  }

  /** Passes over an item's head, and its content unless that is items; returns how many of those, negative for a map. */
  #item(isKey: boolean): number {
    const initial = this.#take(1);
    const [kind, information] = [(this.#bytes[initial] as number) >> 5, (this.#bytes[initial] as number) & 0x1f];
    check(!isKey || kind === major.text, 'a key that is no text');
    if (kind === major.simple) {
      check(simpleValues.has(information), 'an unknown simple value');
      this.#take(argumentBytes[information] ?? 0);
      return 0;
    }
    const argument = this.#argument(information);
    switch (kind) {
      case major.bytes:
      case major.text:
        this.#take(argument);
        return 0;
      case major.array:
        check(argument <= this.#left, 'a list longer than the message');
        return argument;
      case major.map:
        check(2 * argument <= this.#left, 'a map longer than the message');
        return -2 * argument;
      case major.tag:
        check(bigIntegerTags.has(argument), 'an unknown tag');
        this.#bigInteger();
        return 0;
      default:
        return 0;
    }
  }

  #bigInteger(): void {
    const initial = this.#bytes[this.#take(1)] as number;
    const length = initial - (major.bytes << 5);
    check(length >= 0 && length <= bigIntegerBytesMax, 'an integer too long');
    this.#take(length);
  }

  #argument(information: number): number {
    if (information < 24) return information;
    const bytes = argumentBytes[information];
    check(bytes !== undefined, 'an unknown length');
    const at = this.#take(bytes);
    switch (bytes) {
      case 1:
        return this.#view.getUint8(at);
      case 2:
        return this.#view.getUint16(at);
      case 4:
        return this.#view.getUint32(at);
      default:
        return Number(this.#view.getBigUint64(at));
    }
  }

  get #left(): number {
    return this.#bytes.length - this.#at;
  }

  #take(bytes: number): number {
    check(bytes <= this.#left, 'it ends early');
    this.#at += bytes;
    return this.#at - bytes;
  }
}

function check(holds: boolean, complaint: string): asserts holds {
  if (!holds) throw new QueryError('protocol', `malformed CBOR: ${complaint}`);
}
