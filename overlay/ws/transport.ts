import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { Log } from '../defaults.ts';
import type { GeometryName } from '../geometry/contact-table.ts';
import { OverlayError } from '../overlay.ts';
import { type Address, frameBytesMax, type Transport } from '../runtime.ts';
import { formatAddress, isAddress } from './address.ts';
import { newCounters, type WsCounters } from './counters.ts';
import { wsPayloadBytesMax } from './frame-codec.ts';
import { Handshake, type Hello, type Identity } from './handshake.ts';
import { answerAndClose, HttpPort } from './http-port.ts';
import { closeCodes, type WsLimits, wsDefaults } from './limits.ts';
import { Link, type LinkEnd } from './link.ts';
import { closeSocket, type Negotiated, negotiate } from './negotiate.ts';

export interface WsOptions extends Partial<WsLimits> {
  /** The interface to listen on. */
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Nodes of one cluster only talk to each other. */
  readonly cluster: string;
  /** Copies that the fleet keeps of everything, as given to the node: who keeps another number is refused. */
  readonly replicas: number;
  /** As given to the node: who has another is refused. */
  readonly geometry: GeometryName;
  /** What members of the cluster know; null for a cluster that anybody may join. */
  readonly secret: string | null;
  /** `host:port` for others to reach this node at, if it is not the one listened on. */
  readonly advertise?: Address;
  readonly log: Log;
}

const peerPath = '/peer';
/** Peers of which it is remembered what was warned of. */
const warnedMax = 4_096;

/** Handshakes are proved or refused, so nothing hides behind the mask that WebSocket clients put on what they send. */
const noMask = (mask: Buffer) => void mask.fill(0);

/**
 * The transport of real machines: one WebSocket between each pair that talks, opened by whoever has something to
 * send first. `onLinkDown` tells of links that broke, were refused, rejected or overloaded; links closed as idle
 * open again unnoticed.
 */
export class WsTransport implements Transport {
  readonly address: Address;
  /** The port, for client doors to share. */
  readonly http: HttpPort;
  readonly #identity: Identity;
  readonly #secret: string | null;
  readonly #log: Log;
  readonly #limits: WsLimits;
  readonly #counters = newCounters();
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: wsPayloadBytesMax,
    perMessageDeflate: false,
  });
  readonly #links = new Map<Address, Link>();
  /** Ways to give up dialling, or waiting to be dialled, for the links without a connection. */
  readonly #dials = new Map<Link, () => void>();
  /** Ways to give up the handshakes of connections that were accepted but not yet proved. */
  readonly #accepting = new Set<() => void>();
  /**
   * Why the link to a peer is down, as the last warning said, until it is up again: it may be dialled every few seconds.
   * Without digits, since counts and ports may be others each time.
   */
  readonly #warned = new Map<Address, string>();
  /** Names that were dialled and turned out to be another address of the peer. */
  readonly #aliases = new Map<Address, Address>();
  readonly #idleTimer: NodeJS.Timeout;
  #onFrame: (from: Address, frame: Uint8Array) => void = () => {};
  #onLinkDown: (peer: Address, reason: string) => void = () => {};
  #isClosed = false;

  private constructor(options: WsOptions, address: Address, http: HttpPort) {
    this.address = address;
    this.http = http;
    const { cluster, replicas, geometry } = options;
    this.#identity = { cluster, replicas, geometry, address, instance: randomBytes(16).toString('hex') };
    this.#secret = options.secret;
    this.#log = options.log;
    this.#limits = { ...wsDefaults, ...options };
    this.#idleTimer = setInterval(() => this.#closeIdleLinks(), this.#limits.idleMs / 4).unref();
    http.server.on('clientError', () => {
      this.#counters.malformed += 1;
      this.#log('warn', 'closed a connection that does not speak HTTP', {});
    });
    http.onUpgrade(peerPath, (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** @throws OverlayError `refused` when the port cannot be had or the address to advertise is not one */
  static async listen(options: WsOptions): Promise<WsTransport> {
    const { host, advertise } = options;
    if (advertise !== undefined && !isAddress(advertise)) {
      throw new OverlayError('refused', `cannot advertise '${advertise}': it is not host:port`);
    }
    if (advertise === undefined && (host === '0.0.0.0' || host === '::')) {
      throw new OverlayError(
        'refused',
        `${host} is no address at which peers reach this node: listen on one that is, or advertise one`,
      );
    }
    const http = await HttpPort.listen(host, options.port);
    return new WsTransport(options, advertise ?? formatAddress(host, http.port), http);
  }

  send(to: Address, frame: Uint8Array): void {
    if (frame.length > frameBytesMax) assert.fail(`a frame of ${frame.length} bytes is longer than ${frameBytesMax}`);
    if (this.#isClosed) return;
    const link = this.#linkTo(this.#aliases.get(to) ?? to);
    link.send(frame);
    const { queuedBytes } = link;
    if (queuedBytes <= this.#limits.queuedBytesMax) return;
    this.#counters.overloads += 1;
    this.#break(link, `overloaded: ${queuedBytes} bytes queued`, closeCodes.shutdown);
  }

  queuedBytes(to: Address): number {
    return this.#links.get(this.#aliases.get(to) ?? to)?.queuedBytes ?? 0;
  }

  onFrame(receive: (from: Address, frame: Uint8Array) => void): void {
    this.#onFrame = receive;
  }

  onLinkDown(receive: (peer: Address, reason: string) => void): void {
    this.#onLinkDown = receive;
  }

  /** Also told to `onLinkDown`, like any other end of a link. */
  reject(peer: Address, reason: string): void {
    const link = this.#links.get(this.#aliases.get(peer) ?? peer);
    if (!link) return;
    this.#counters.rejections += 1;
    this.#break(link, `rejected: ${reason}`, closeCodes.rejected);
  }

  counters(): WsCounters {
    return { ...this.#counters };
  }

  /** Hands what is queued on open links to the network, closes them and the port. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#idleTimer);
    for (const giveUp of [...this.#dials.values(), ...this.#accepting]) giveUp();
    const links = [...this.#links.values()];
    this.#links.clear();
    await Promise.all([...links.map((link) => link.shutDown()), this.http.close()]);
  }

  #linkTo(peer: Address): Link {
    const known = this.#links.get(peer);
    if (known) return known;
    const link = this.#newLink(peer);
    this.#dial(link);
    return link;
  }

  #newLink(peer: Address): Link {
    const onFrame = (from: Address, frame: Uint8Array) => this.#onFrame(from, frame);
    const link = new Link(peer, { onFrame, onEnd: (end) => this.#ended(link, end) }, this.#counters);
    this.#links.set(peer, link);
    return link;
  }

  #dial(link: Link): void {
    const { peer } = link;
    if (!isAddress(peer) || peer === this.address) {
      const reason = `refused: ${peer === this.address ? 'own address' : 'not host:port'}`;
      const immediate = setImmediate(() => this.#break(link, reason, closeCodes.refused));
      this.#dials.set(link, () => clearImmediate(immediate));
      return;
    }
    const socket = new WebSocket(`ws://${peer}${peerPath}`, {
      perMessageDeflate: false,
      maxPayload: wsPayloadBytesMax,
      generateMask: noMask,
    });
    const handshake = new Handshake({ role: 'dialler', dialled: peer }, this.#identity, this.#secret);
    socket.once('open', () => socket.send(handshake.hello()));
    const timeoutMs = this.#limits.handshakeTimeoutMs;
    const giveUp = negotiate(socket, handshake, timeoutMs, (outcome) => this.#dialEnded(link, socket, outcome));
    this.#dials.set(link, giveUp);
  }

  #dialEnded(link: Link, socket: WebSocket, outcome: Negotiated): void {
    this.#dials.delete(link);
    switch (outcome.kind) {
      case 'proved':
        this.#attach(outcome.peer, socket, true);
        break;
      case 'yielded':
        this.#awaitTheirDial(link);
        break;
      case 'renamed':
        this.#rename(link, outcome.address);
        break;
      case 'closed':
        this.#break(link, 'refused: closed during the handshake', closeCodes.refused);
        break;
      case 'failed':
        this.#break(link, outcome.reason, closeCodes.refused);
        break;
    }
  }

  /** The peer is dialling this node, and that connection shall live; but it may yet fail. */
  #awaitTheirDial(link: Link): void {
    const timeoutMs = this.#limits.handshakeTimeoutMs;
    const reason = `timed out: not dialled back within ${timeoutMs} ms`;
    const timer = setTimeout(() => this.#break(link, reason, closeCodes.refused), timeoutMs);
    this.#dials.set(link, () => clearTimeout(timer));
  }

  /** A peer that was dialled by an alias, as seeds may be, is dialled again by the name it goes by. */
  #rename(link: Link, address: Address): void {
    const alias = link.peer;
    if ([...this.#aliases.values()].includes(alias)) {
      this.#break(link, `refused: the node at ${alias} calls itself ${address}`, closeCodes.refused);
      return;
    }
    this.#links.delete(alias);
    this.#warned.delete(alias);
    this.#aliases.set(alias, address);
    this.#linkTo(address).adopt(link);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const remote = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
    if (this.#isClosed) {
      answerAndClose(socket, '503 Service Unavailable');
    } else if (request.headers.origin !== undefined) {
      // Any web page that is looked at on this machine may open a WebSocket to it, but the browser names the page.
      this.#refused(remote, 'refused: a browser');
      answerAndClose(socket, '403 Forbidden');
    } else if (this.#accepting.size >= this.#limits.unauthenticatedMax) {
      this.#refused(remote, 'refused: too many handshakes at once');
      answerAndClose(socket, '503 Service Unavailable');
    } else {
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => this.#accept(webSocket, remote));
    }
  }

  #accept(socket: WebSocket, remote: string): void {
    const handshake = new Handshake({ role: 'acceptor' }, this.#identity, this.#secret);
    const giveUp = negotiate(socket, handshake, this.#limits.handshakeTimeoutMs, (outcome) => {
      this.#accepting.delete(giveUp);
      if (outcome.kind === 'failed') this.#refused(remote, outcome.reason);
      if (outcome.kind !== 'proved') return;
      const { peer } = outcome;
      if (this.#isDiallerHere(peer)) {
        socket.send(handshake.yieldTo());
        closeSocket(socket, closeCodes.replaced, '');
      } else {
        socket.send(handshake.accept());
        this.#attach(peer, socket, false);
      }
    });
    this.#accepting.add(giveUp);
  }

  /**
   * Of two nodes that dial each other at once, the one with the smaller address is the dialler. True if that is this
   * node and it has dialled.
   */
  #isDiallerHere(peer: Hello): boolean {
    const link = this.#links.get(peer.address);
    if (!link || this.address > peer.address) return false;
    const { connection } = link;
    if (!connection) return this.#dials.has(link);
    if (connection.instance !== peer.instance || !connection.isDialledHere) return false;
    // The peer dialled before it learnt of this connection, or it knows better that the connection is dead.
    link.probe();
    return true;
  }

  #attach(peer: Hello, socket: WebSocket, isDialledHere: boolean): void {
    const { address, instance } = peer;
    const known = this.#links.get(address);
    if (known?.connection) this.#break(known, 'replaced by a new link', closeCodes.replaced);
    this.#warned.delete(address);
    const link = this.#links.get(address) ?? this.#newLink(address);
    this.#giveUpDial(link);
    this.#counters.linksOpened += 1;
    this.#log('debug', 'link up', { peer: address, isDialledHere });
    link.attach({ socket, instance, isDialledHere });
  }

  #ended(link: Link, end: LinkEnd): void {
    if (end.kind === 'idle') {
      this.#counters.linksIdle += 1;
      if (link.queuedBytes > 0) this.#dial(link);
      else this.#links.delete(link.peer);
      return;
    }
    if (end.kind === 'malformed') this.#counters.malformed += 1;
    this.#break(link, end.kind === 'malformed' ? `malformed: ${end.reason}` : end.reason, closeCodes.malformed);
  }

  /** Forgets the link and what is queued, and tells of it when the present call is over. */
  #break(link: Link, reason: string, code: number): void {
    const { peer } = link;
    if (this.#links.get(peer) === link) this.#links.delete(peer);
    this.#giveUpDial(link);
    link.drop(code, reason);
    this.#counters.linksDown += 1;
    this.#log(this.#isNews(peer, reason) ? 'warn' : 'debug', 'link down', { peer, reason });
    const aliases = [...this.#aliases].filter(([, address]) => address === peer).map(([alias]) => alias);
    for (const alias of aliases) this.#aliases.delete(alias);
    queueMicrotask(() => {
      for (const name of [peer, ...aliases]) if (!this.#isClosed) this.#onLinkDown(name, reason);
    });
  }

  /** False when the last warning said the same of the peer, and no link to it was up since. */
  #isNews(peer: Address, reason: string): boolean {
    const kind = reason.replaceAll(/\d+/g, '');
    if (this.#warned.get(peer) === kind) return false;
    if (this.#warned.size >= warnedMax) this.#warned.clear();
    this.#warned.set(peer, kind);
    return true;
  }

  #giveUpDial(link: Link): void {
    this.#dials.get(link)?.();
    this.#dials.delete(link);
  }

  #refused(remote: string, reason: string): void {
    this.#counters.refusals += 1;
    this.#log('warn', 'refused a peer', { remote, reason });
  }

  #closeIdleLinks(): void {
    const idleSinceMs = performance.now() - this.#limits.idleMs;
    for (const link of this.#links.values()) {
      if (link.activeAtMs < idleSinceMs && link.queuedBytes === 0) link.closeIdle();
    }
  }
}
