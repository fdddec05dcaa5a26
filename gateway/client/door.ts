import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { QueryError } from '../../columnar/index.ts';
import type { Log, SessionFactory } from '../../engine/index.ts';
import { keepAlive } from './keep-alive.ts';
import { type Nonces, proofFits, secretProof } from './proof.ts';
import {
  clientMessageBytesMax,
  decodeHello,
  decodeSessionRequest,
  encodeMessage,
  nonceBytes,
  protocolVersion,
  type SessionReply,
  type SessionRequest,
  type Verdict,
} from './protocol.ts';
import { type Reply, ServedSession } from './served-session.ts';

const linksMax = 1_000;
const sessionsPerLinkMax = 64;
/** From the opened socket to an accepted `hello`. */
const helloTimeoutMs = 10_000;
/** WebSocket close codes: 1002 "protocol error", 1001 "going away", 1013 "try again later". */
const closeCode = { protocol: 1002, shutdown: 1001, busy: 1013, refused: 4401 } as const;

export interface ClientDoorOptions {
  readonly sessions: SessionFactory;
  /** The node's id, told to clients. */
  readonly node: string;
  /** `null`: clients need no secret. */
  readonly secret: string | null;
  readonly log: Log;
}

/**
 * Lets Wharf's own clients in (`wharf sql`, `wharf shell`, programs) over a WebSocket on the node's port.
 * A link that sends nonsense is closed and hurts nobody else; a link that goes away ends its sessions.
 */
export class ClientDoor {
  readonly #options: ClientDoorOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: clientMessageBytesMax,
    perMessageDeflate: false,
  });
  readonly #links = new Set<ServedLink>();

  constructor(options: ClientDoorOptions) {
    this.#options = options;
  }

  /** Takes over a request to upgrade to WebSocket on `clientPath`. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Browsers send Origin; a page that the user happens to visit must not query the user's fleet.
    if (request.headers.origin !== undefined) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#accept(webSocket));
  }

  /** Ends every session and link. */
  close(): void {
    for (const link of this.#links) link.end(closeCode.shutdown, 'the node is shutting down');
    this.#server.close();
  }

  #accept(socket: WebSocket): void {
    if (this.#links.size >= linksMax) {
      socket.close(closeCode.busy, 'too many clients');
      return;
    }
    const link = new ServedLink(socket, this.#options, () => this.#links.delete(link));
    this.#links.add(link);
  }
}

/** One client's WebSocket: handshake, then sessions. */
class ServedLink {
  readonly #socket: WebSocket;
  readonly #options: ClientDoorOptions;
  readonly #sessions = new Map<number, ServedSession>();
  readonly #nonce = randomBytes(nonceBytes);
  #welcomed = false;

  constructor(socket: WebSocket, options: ClientDoorOptions, onClose: () => void) {
    this.#socket = socket;
    this.#options = options;
    const deadline = setTimeout(() => this.end(closeCode.protocol, 'no hello in time'), helloTimeoutMs);
    socket.on('message', (data, isBinary) => this.#received(data, isBinary));
    socket.on('error', (error) => this.#malformed(error.message));
    socket.on('close', () => {
      clearTimeout(deadline);
      this.#endSessions();
      onClose();
    });
    keepAlive(socket);
    socket.send(
      encodeMessage({
        type: 'challenge',
        protocol: protocolVersion,
        node: options.node,
        nonce: this.#nonce,
        secretRequired: options.secret !== null,
      }),
    );
    this.#onWelcome = () => clearTimeout(deadline);
  }

  readonly #onWelcome: () => void;

  end(code: number, reason: string): void {
    this.#endSessions();
    this.#socket.close(code, reason);
  }

  #endSessions(): void {
    for (const session of this.#sessions.values()) session.close();
    this.#sessions.clear();
  }

  #received(data: RawData, isBinary: boolean): void {
    try {
      if (!isBinary || !(data instanceof Buffer)) throw new QueryError('protocol', 'expected a binary message');
      if (this.#welcomed) this.#serve(decodeSessionRequest(data));
      else this.#welcome(data);
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      this.#malformed(error.message);
    }
  }

  #malformed(reason: string): void {
    this.#options.log.warn('a client sent a malformed message', { reason });
    // Close reasons are limited to 123 bytes.
    this.end(closeCode.protocol, reason.slice(0, 100));
  }

  #welcome(data: Buffer): void {
    const hello = decodeHello(data);
    const { secret, log } = this.#options;
    if (hello.protocol !== protocolVersion) {
      const message = `the node speaks client protocol ${protocolVersion}, the client ${hello.protocol}`;
      this.#refuse({ type: 'refused', code: 'protocol', message });
      return;
    }
    const nonces: Nonces = { node: this.#nonce, client: hello.nonce };
    if (secret !== null && !proofFits(hello.proof, secret, 'client', nonces)) {
      const message = hello.proof === null ? 'the node requires the cluster secret' : 'the cluster secret is wrong';
      log.warn('a client was refused', { reason: message });
      this.#refuse({ type: 'refused', code: 'unauthorized', message });
      return;
    }
    this.#welcomed = true;
    this.#onWelcome();
    const proof = secret === null ? null : secretProof(secret, 'node', nonces);
    this.#socket.send(encodeMessage({ type: 'welcome', proof }));
  }

  #refuse(verdict: Verdict): void {
    this.#socket.send(encodeMessage(verdict));
    this.end(closeCode.refused, 'refused');
  }

  #serve(request: SessionRequest): void {
    if (request.type === 'open') {
      this.#open(request.session);
      return;
    }
    const session = this.#sessions.get(request.session);
    if (session === undefined) throw new QueryError('protocol', `there is no session ${request.session}`);
    switch (request.type) {
      case 'execute':
        session.execute(request.sql);
        break;
      case 'credit':
        session.credit(request.bytes);
        break;
      case 'close':
        this.#sessions.delete(request.session);
        session.close();
        break;
      case 'next':
      case 'stop':
      case 'abandon':
      case 'cancel':
        session[request.type]();
    }
  }

  #open(number: number): void {
    if (this.#sessions.has(number)) throw new QueryError('protocol', `session ${number} is open already`);
    if (this.#sessions.size >= sessionsPerLinkMax) throw new QueryError('protocol', 'too many sessions on one link');
    const send = (reply: Reply): void =>
      this.#socket.send(encodeMessage({ ...reply, session: number } as SessionReply));
    this.#sessions.set(number, new ServedSession(this.#options.sessions.openSession(), send, this.#options.log));
  }
}
