/** A message that breaks the rules of framing; ends the connection. */
export class FramingError extends Error {
  override readonly name = 'FramingError';
}

export interface FrontendMessage {
  /** One ASCII letter; empty for the untyped packets of the start-up. */
  readonly type: string;
  readonly body: Buffer;
}

/**
 * Cuts the byte stream of a Postgres client into messages. Bytes are kept as they came until a whole
 * message is there, so a long one is copied once.
 * @see https://www.postgresql.org/docs/15/protocol-message-formats.html
 */
export class MessageReader {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  /** Bytes that arrived and were not read as messages yet. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** A packet without a type byte, as the start-up has them; `null` until it is whole. */
  readUntyped(bytesMax: number): FrontendMessage | null {
    return this.#read(0, bytesMax);
  }

  /** @returns the next message; `null` until it is whole */
  read(bytesMax: number): FrontendMessage | null {
    return this.#read(1, bytesMax);
  }

  #read(typeBytes: 0 | 1, bytesMax: number): FrontendMessage | null {
    const headerBytes = typeBytes + 4;
    if (this.#bytes < headerBytes) return null;
    const header = this.#peek(headerBytes);
    const length = header.readInt32BE(typeBytes);
    if (length < 4) throw new FramingError(`invalid message length ${length}`);
    if (length > bytesMax) throw new FramingError(`message of ${length} bytes exceeds the limit of ${bytesMax} bytes`);
    const totalBytes = typeBytes + length;
    if (this.#bytes < totalBytes) return null;
    const message = this.#take(totalBytes);
    return {
      type: typeBytes === 1 ? String.fromCharCode(message.readUInt8(0)) : '',
      body: message.subarray(headerBytes),
    };
  }

  /** The first `bytes` bytes in one piece; they stay. */
  #peek(bytes: number): Buffer {
    const [head] = this.#chunks;
    if (head !== undefined && head.length >= bytes) return head;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks.splice(0, this.#chunks.length, joined);
    return joined;
  }

  #take(bytes: number): Buffer {
    const head = this.#peek(bytes);
    this.#bytes -= bytes;
    if (head.length === bytes) this.#chunks.shift();
    else this.#chunks[0] = head.subarray(bytes);
    return head.subarray(0, bytes);
  }
}

/** Reads the fields of one message's body. Running past the end is a `FramingError`. */
export class BodyReader {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  get bytesLeft(): number {
    return this.#body.length - this.#at;
  }

  int32(): number {
    this.#need(4);
    const value = this.#body.readInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  bytes(count: number): Buffer {
    this.#need(count);
    const value = this.#body.subarray(this.#at, this.#at + count);
    this.#at += count;
    return value;
  }

  /** Bytes up to the next zero byte, which is skipped. */
  zeroTerminated(): Buffer {
    const end = this.#body.indexOf(0, this.#at);
    if (end < 0) throw new FramingError('a string in the message has no terminator');
    const value = this.#body.subarray(this.#at, end);
    this.#at = end + 1;
    return value;
  }

  string(): string {
    return this.zeroTerminated().toString('utf8');
  }

  #need(count: number): void {
    if (count < 0 || this.bytesLeft < count) throw new FramingError('the message is shorter than its fields');
  }
}
