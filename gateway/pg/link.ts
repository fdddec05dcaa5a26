import type { Socket } from 'node:net';
import { type FrontendMessage, MessageReader } from './reader.ts';
import { MessageWriter } from './writer.ts';

/** Rows are handed to the socket in writes of about this size. */
export const writeBytes = 64 * 1024;
/** Longest message after the start-up; a query text lies well below. */
const messageBytesMax = 16 * 1024 * 1024;
/** PostgreSQL's own limit for the start-up packet. */
const startupBytesMax = 10_000;
/** Until the client has proved who it is. */
const authenticationBytesMax = 64 * 1024;
/** Unread input beyond this pauses the socket: a client that pipelines waits for its answers. */
const unreadBytesMax = messageBytesMax + 64 * 1024;
/** Silence after which the operating system probes a client that may have vanished. */
const keepAliveMs = 30_000;

const bytesMax = {
  startup: startupBytesMax,
  authentication: authenticationBytesMax,
  message: messageBytesMax,
} as const;

/** Thrown out of waits when the client has closed the connection. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** The messages of one client's socket: received one by one, sent coalesced, with the socket's backpressure. */
export class PgLink {
  readonly writer = new MessageWriter();
  readonly remote: string;
  readonly #socket: Socket;
  readonly #reader = new MessageReader();
  #gone = false;
  #flushScheduled = false;
  /** Resumes the one wait that is under way: for input, or for the socket to drain. */
  #wake: (() => void) | null = null;

  /** @param onGone called once, when the client has closed the connection or it broke */
  constructor(socket: Socket, onGone: () => void) {
    this.#socket = socket;
    this.remote = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    socket.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk);
      if (this.#reader.pendingBytes > unreadBytesMax) socket.pause();
      this.#woken();
    });
    socket.on('drain', () => this.#woken());
    // A client that closes only its sending half has left, too: nobody will read the answer to the end.
    socket.on('end', () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#gone = true;
      onGone();
      this.#woken();
    });
  }

  /**
   * The next message; everything written so far is sent before it waits.
   * @throws ClientGone, FramingError
   */
  async receive(kind: keyof typeof bytesMax): Promise<FrontendMessage> {
    for (;;) {
      const message =
        kind === 'startup' ? this.#reader.readUntyped(bytesMax.startup) : this.#reader.read(bytesMax[kind]);
      if (message !== null) return message;
      await this.flush();
      if (this.#gone) throw new ClientGone();
      this.#socket.resume();
      await this.#nextEvent();
    }
  }

  /** Sends what is written, and waits while the socket has more than it can take. @throws ClientGone */
  async flush(): Promise<void> {
    this.#write();
    while (this.#socket.writableNeedDrain && !this.#gone) await this.#nextEvent();
    if (this.#gone) throw new ClientGone();
  }

  /** Sends what is written once the work that is ready now is done, so that a short answer stays one write. */
  flushSoon(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#write();
    });
  }

  /** Sends a single byte outside any message, as the answer to a request for encryption. */
  sendByte(byte: string): void {
    this.#socket.write(byte);
  }

  /** Sends what is written and closes the connection. */
  end(): void {
    if (this.#gone) return;
    this.#write();
    // A peer that goes on sending, or never reads, must not hold the socket.
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #write(): void {
    if (this.#gone || this.writer.pendingBytes === 0) return;
    this.#socket.write(this.writer.take());
  }

  #nextEvent(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #woken(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
