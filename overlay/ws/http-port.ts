import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Duplex, finished } from 'node:stream';
import { OverlayError } from '../overlay.ts';
import { formatAddress } from './address.ts';
import { closeTimeoutMs } from './limits.ts';

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** One listening TCP port for peers and clients alike: upgrades by path, and one handler of plain requests. */
export class HttpPort {
  readonly server: Server;
  readonly #upgrades = new Map<string, UpgradeHandler>();
  readonly #sockets = new Set<Socket>();
  #onRequest: RequestListener = (_request, response) => void response.writeHead(404).end();

  private constructor() {
    this.server = createServer((request, response) => this.#onRequest(request, response));
    this.server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.server.on('clientError', (_error, socket) => answerAndClose(socket, '400 Bad Request'));
    this.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /**
   * @param port 0 for any free one
   * @throws OverlayError `refused` when the port cannot be had
   */
  static async listen(host: string, port: number): Promise<HttpPort> {
    const httpPort = new HttpPort();
    const { server } = httpPort;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(host, port, cause)));
      server.listen({ host, port }, resolve);
    });
    return httpPort;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Hands WebSocket upgrades on this path (without query) to `handler`. */
  onUpgrade(path: string, handler: UpgradeHandler): void {
    this.#upgrades.set(path, handler);
  }

  /** Sets the one handler of plain HTTP requests; until then they get 404. */
  onRequest(handler: RequestListener): void {
    this.#onRequest = handler;
  }

  /** Stops listening and cuts plain HTTP connections; upgraded ones have a moment for their handlers to close them. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, 2 * closeTimeoutMs);
    await closed;
    clearTimeout(timer);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A socket that fails before a handler listens must not end the process.
    finished(socket, () => {});
    const [path] = (request.url ?? '').split('?');
    const handler = this.#upgrades.get(path ?? '');
    if (handler) handler(request, socket, head);
    else answerAndClose(socket, '404 Not Found');
  }
}

/** Ends a connection with a bare HTTP answer such as `404 Not Found`. */
export function answerAndClose(socket: Duplex, status: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function listenError(host: string, port: number, cause: NodeJS.ErrnoException): OverlayError {
  const address = formatAddress(host, port);
  const why =
    cause.code === 'EADDRINUSE'
      ? 'the port is in use; stop the program that holds it or choose another port'
      : cause.code === 'EACCES'
        ? 'permission denied; choose a port above 1023'
        : cause.message;
  return new OverlayError('refused', `cannot listen on ${address}: ${why}`, { cause });
}
