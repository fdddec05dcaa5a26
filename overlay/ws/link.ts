import type { RawData, WebSocket } from 'ws';
import type { Address } from '../runtime.ts';
import type { Counters } from './counters.ts';
import { Outbox, splitFrames } from './frame-codec.ts';
import { closeCodes, closeTimeoutMs } from './limits.ts';
import { closeSocket } from './negotiate.ts';

export type LinkEnd =
  /** Closed because it carried nothing. Frames queued since then want a new connection. */
  { readonly kind: 'idle' } | { readonly kind: 'malformed' | 'broken'; readonly reason: string };

export interface LinkHandlers {
  readonly onFrame: (from: Address, frame: Uint8Array) => void;
  readonly onEnd: (end: LinkEnd) => void;
}

/** A proved connection. */
export interface Connection {
  readonly socket: WebSocket;
  /** The peer's `Identity.instance`. */
  readonly instance: string;
  readonly isDialledHere: boolean;
}

/**
 * The way to one peer: a queue, and below it a connection once there is one. Only one writes: frames that are sent
 * during one turn of the event loop leave together.
 */
export class Link {
  readonly peer: Address;
  /** When a frame last passed, by the monotonic clock. */
  activeAtMs = performance.now();
  readonly #handlers: LinkHandlers;
  readonly #counters: Counters;
  readonly #outbox = new Outbox();
  #connection: Connection | null = null;
  #flush: NodeJS.Immediate | null = null;
  #isClosingIdle = false;

  constructor(peer: Address, handlers: LinkHandlers, counters: Counters) {
    this.peer = peer;
    this.#handlers = handlers;
    this.#counters = counters;
  }

  /** The connection, if frames can leave through it. */
  get connection(): Connection | null {
    const connection = this.#connection;
    return connection?.socket.readyState === connection?.socket.OPEN ? connection : null;
  }

  get queuedBytes(): number {
    return this.#outbox.bytes + (this.#connection?.socket.bufferedAmount ?? 0);
  }

  send(frame: Uint8Array): void {
    this.activeAtMs = performance.now();
    this.#counters.framesSent += 1;
    this.#outbox.add(frame);
    if (this.#connection) this.#flush ??= setImmediate(() => this.flush());
  }

  /** Writes what is queued, if there is an open connection to write to. */
  flush(): void {
    if (this.#flush) clearImmediate(this.#flush);
    this.#flush = null;
    const { connection } = this;
    if (!connection) return;
    for (const message of this.#outbox.take()) {
      this.#counters.messagesSent += 1;
      this.#counters.bytesSent += message.length;
      connection.socket.send(message);
    }
  }

  /** From now on this is the link's connection; an earlier one is closed. */
  attach(connection: Connection): void {
    this.#detach(closeCodes.replaced, '');
    const { socket } = connection;
    this.#connection = connection;
    this.#isClosingIdle = false;
    this.activeAtMs = performance.now();
    socket.on('message', (data, isBinary) => this.#receive(connection, data, isBinary));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const isNonsense = error.code?.startsWith('WS_ERR_') ?? false;
      this.#end(connection, { kind: isNonsense ? 'malformed' : 'broken', reason: error.message.toLowerCase() });
    });
    socket.on('close', (code, reason) => this.#end(connection, endOf(code, reason.toString())));
    this.flush();
  }

  /** Takes what is queued on another link. */
  adopt(other: Link): void {
    this.#outbox.addMessages(other.#outbox.take());
    this.flush();
  }

  /** Begins to close the connection as idle: frames that are on their way still arrive, later ones wait. */
  closeIdle(): void {
    const { connection } = this;
    if (!connection) return;
    this.#isClosingIdle = true;
    closeSocket(connection.socket, closeCodes.idle, 'idle');
  }

  /** Ends the connection without a word to the handlers, and drops what is queued. */
  drop(code: number, reason: string): void {
    this.#outbox.take();
    this.#detach(code, reason);
  }

  /** Writes what is queued, then closes; resolves when the connection is gone. */
  async shutDown(): Promise<void> {
    this.flush();
    const socket = this.#connection?.socket;
    this.drop(closeCodes.shutdown, 'shutting down');
    if (socket && socket.readyState !== socket.CLOSED) await new Promise((resolve) => socket.once('close', resolve));
  }

  /** Breaks the connection if its peer does not answer soon. */
  probe(): void {
    const { connection } = this;
    if (!connection) return;
    const timer = setTimeout(() => connection.socket.terminate(), closeTimeoutMs);
    connection.socket.once('pong', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
    connection.socket.ping();
  }

  #receive(connection: Connection, data: RawData, isBinary: boolean): void {
    if (this.#connection !== connection) return;
    const message = data as Buffer; // the default binaryType, 'nodebuffer', gives one Buffer
    const frames = isBinary ? splitFrames(message) : null;
    if (!frames) {
      const reason = isBinary ? `${message.length} bytes that are no frames` : 'text';
      this.#end(connection, { kind: 'malformed', reason });
      return;
    }
    this.activeAtMs = performance.now();
    this.#counters.messagesReceived += 1;
    this.#counters.bytesReceived += message.length;
    for (const frame of frames) {
      // The receiver of the previous frame may have rejected this peer.
      if (this.#connection !== connection) return;
      this.#counters.framesReceived += 1;
      this.#handlers.onFrame(this.peer, frame);
    }
  }

  #end(connection: Connection, end: LinkEnd): void {
    if (this.#connection !== connection) return;
    if (end.kind === 'malformed') this.#detach(closeCodes.malformed, `malformed: ${end.reason}`);
    else this.#detach(closeCodes.shutdown, '');
    this.#handlers.onEnd(this.#isClosingIdle ? { kind: 'idle' } : end);
  }

  #detach(code: number, reason: string): void {
    const socket = this.#connection?.socket;
    this.#connection = null;
    if (this.#flush) clearImmediate(this.#flush);
    this.#flush = null;
    if (!socket) return;
    socket.removeAllListeners('message').removeAllListeners('error').removeAllListeners('close');
    socket.on('error', () => {});
    closeSocket(socket, code, reason);
  }
}

function endOf(code: number, reason: string): LinkEnd {
  if (code === closeCodes.idle) return { kind: 'idle' };
  if (code === closeCodes.lost) return { kind: 'broken', reason: 'connection lost' };
  return { kind: 'broken', reason: reason ? `closed by the peer: ${reason}` : 'closed by the peer' };
}
