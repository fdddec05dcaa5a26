import type { Advert } from './advert.ts';
import { Apps } from './apps.ts';
import { Broadcaster } from './broadcaster.ts';
import type { Codec, CodecError } from './codec.ts';
import { broadcastApp, controlApp, findApp, lookupApp, replicationApp } from './control.ts';
import { answerControl, answerFind, ControlCalls } from './control-calls.ts';
import type { Log, OverlayOptions } from './defaults.ts';
import { DiskMembers } from './disk-members.ts';
import { ContactTable } from './geometry/contact-table.ts';
import type { Journal } from './journal.ts';
import { Links } from './links.ts';
import { Lookups } from './lookups.ts';
import { Membership } from './membership/membership.ts';
import { Peers } from './membership/peers.ts';
import type { MessageHandlers } from './messages.ts';
import type { AppId, Contact, Key, MembershipChange, RoutedMessage } from './overlay.ts';
import { Replication } from './replication.ts';
import { Router } from './router.ts';
import type { RoutingTable } from './routing-table.ts';
import { Rpc } from './rpc.ts';
import type { Runtime, Timer, Transport } from './runtime.ts';
import { type Target, Wire } from './wire.ts';

export interface PartsInit {
  readonly runtime: Runtime;
  readonly transport: Transport;
  readonly self: Contact;
  /** Tells the lives of one node apart. */
  readonly incarnation: number;
  readonly options: OverlayOptions;
  readonly journal: Journal;
  readonly log: Log;
}

/**
 * The parts of one node, tied together: each knows the others only by the output that it asks for, and here is who
 * serves it.
 */
export class Parts {
  readonly table: RoutingTable;
  readonly diskMembers: DiskMembers;
  readonly peers: Peers;
  readonly wire: Wire;
  readonly apps: Apps;
  readonly links: Links;
  readonly rpc: Rpc;
  readonly membership: Membership;
  readonly replication: Replication;
  readonly router: Router;
  readonly lookups: Lookups;
  readonly broadcaster: Broadcaster;
  readonly #init: PartsInit;
  readonly #calls: ControlCalls;
  #forgetter: Timer;
  #isClosed = false;

  constructor(init: PartsInit) {
    const { runtime, transport, self, incarnation, options, journal, log } = init;
    this.#init = init;
    this.table = new ContactTable(self, options);
    this.diskMembers = new DiskMembers(runtime, journal, this.table);
    this.peers = new Peers(options);
    this.wire = new Wire({ runtime, transport, self, incarnation, forgetAfterMs: options.forgetAfterMs, log });
    this.apps = new Apps(self, this.wire);
    this.links = this.#buildLinks();
    this.rpc = this.#buildRpc();
    this.#calls = new ControlCalls(options, this.rpc);
    this.membership = this.#buildMembership();
    this.replication = this.#buildReplication();
    this.router = this.#buildRouter();
    this.lookups = this.#buildLookups();
    this.broadcaster = this.#buildBroadcaster();
    this.wire.start((envelope, from) => {
      this.links.heard(envelope.sender, runtime.now());
      return this.membership.heard(envelope, from);
    }, this.#handlers());
    transport.onLinkDown((peer, reason) => {
      if (this.#isClosed) return;
      this.links.onLinkDown(peer, reason);
      this.rpc.linkDown(peer, reason);
      this.membership.onLinkDown(peer, reason);
    });
    this.#forgetter = this.#forgetLater();
  }

  /** The answer to a request of another node, or of this one to itself. @throws CodecError, OverlayError */
  answer(from: Contact, app: AppId, payload: Uint8Array): Promise<Uint8Array> | Uint8Array {
    if (app === controlApp) return answerControl(this, from, payload);
    if (app === broadcastApp) return this.broadcaster.answer(from, payload);
    if (app === replicationApp) return this.replication.answer(from, payload);
    return this.apps.answer(from, app, payload);
  }

  /** The same for a request that is safe to repeat; undefined for others. @throws CodecError, OverlayError */
  #read(from: Contact, app: AppId, payload: Uint8Array): Uint8Array | undefined {
    if (app === findApp) return answerFind(this, payload);
    return this.apps.read(from, app, payload);
  }

  /** Members of an earlier life that were not heard in this one are missing, until they are. */
  recall(): void {
    this.membership.recall(this.diskMembers.takeRecovered());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#forgetter.cancel();
    this.membership.close();
    this.replication.close();
    this.broadcaster.close();
    this.diskMembers.close();
    this.lookups.close();
    this.links.close();
    this.rpc.close();
    await this.#init.transport.close();
    await this.#init.journal.close();
  }

  /** What is known of peers is forgotten a while after they fell silent. */
  #forgetLater(): Timer {
    const { runtime, options } = this.#init;
    return runtime.after(options.forgetAfterMs / 2, () => {
      this.#forgetter = this.#forgetLater();
      const nowMs = runtime.now();
      const beforeMs = nowMs - options.forgetAfterMs;
      this.links.forgetIdle(nowMs);
      this.peers.forgetSilent(beforeMs, (id) => this.table.isLeaf(id));
      this.wire.forgetSilent(beforeMs);
      this.membership.forgetSilent(beforeMs);
    });
  }

  #handlers(): MessageHandlers {
    const onChannelMessage = this.links.onMessage.bind(this.links);
    return {
      data: onChannelMessage,
      ack: onChannelMessage,
      reset: onChannelMessage,
      request: (from, message, envelope) => this.rpc.onRequest(from, envelope.incarnation, message),
      reply: (from, message) => this.rpc.onReply(from, message),
      ...this.membership.handlers,
      stranger: (from, meant) => {
        this.#abandon(meant, 'another node lives at its address');
        this.membership.onStranger(from, meant);
      },
    };
  }

  /** Nobody waits any more for a peer that is no more. */
  #abandon(id: Key, reason: string): void {
    this.links.abandon(id, reason);
    this.rpc.abandon(id, reason);
  }

  #buildLinks(): Links {
    const { runtime, options, incarnation } = this.#init;
    return new Links(runtime, options, incarnation, {
      transmit: (to, message) => this.wire.send(to, message),
      deliver: (from, app, payload) => this.apps.receive(from, app, payload),
      ping: (to) => this.membership.ping(to),
      lost: (peer, reason) => this.membership.suspect(peer, reason),
      incarnationOf: (id) => this.peers.get(id)?.incarnation ?? 0,
    });
  }

  #buildRpc(): Rpc {
    const { runtime, options, log } = this.#init;
    const output = {
      transmit: this.wire.send.bind(this.wire),
      answer: this.answer.bind(this),
      read: this.#read.bind(this),
      malformed: (from: Target, app: AppId, error: CodecError) =>
        this.wire.rejectPayload(from.address, from.address, app, error),
      timeoutMs: this.peers.timeoutMs.bind(this.peers),
      unanswered: ({ id, address }: Target) => {
        if (id !== null) this.membership.suspect({ id, address }, 'a request was not answered');
      },
    };
    return new Rpc(runtime, options, output, log);
  }

  #buildMembership(): Membership {
    const { runtime, options, log } = this.#init;
    const output = {
      transmit: this.wire.send.bind(this.wire),
      askJoin: this.#calls.join.bind(this.#calls),
      askLeave: this.#calls.leave.bind(this.#calls),
      askCompare: this.#calls.compare.bind(this.#calls),
      askReach: this.#calls.reach.bind(this.#calls),
      advert: () => this.replication.advert(),
      advertised: (from: Contact, advert: Advert) => this.replication.advertised(from, advert),
      changed: (change: MembershipChange) => {
        if (change.kind === 'left') this.diskMembers.left();
        this.apps.update(change);
      },
      tableChanged: () => {
        this.diskMembers.changed();
        this.replication.tableChanged();
      },
      entered: () => this.replication.tableChanged(),
      isEngaged: (id: Key) => this.links.isEngaged(id) || this.rpc.isAsking(id),
      dead: ({ id }: Contact, reason: string) => {
        this.replication.forget(id);
        this.#abandon(id, reason);
      },
      restarted: ({ id }: Contact) => {
        this.replication.forget(id);
        this.links.restarted(id);
      },
      setMember: (isMember: boolean) => {
        this.wire.isMember = isMember;
      },
    };
    return new Membership({ runtime, table: this.table, peers: this.peers, log }, options, output);
  }

  #buildReplication(): Replication {
    const { runtime, options, journal, log } = this.#init;
    const output = {
      ask: <T>(to: Contact, request: Uint8Array, answer: Codec<T>) => this.rpc.ask(to, replicationApp, request, answer),
      ping: (to: Contact) => this.membership.askAdvert(to),
      lookup: (key: Key) => this.lookups.lookup(key, 'iterative'),
      advertise: () => this.membership.advertise(),
      hasEntered: () => this.membership.hasEntered,
      missing: () => this.membership.missing(),
      expectMembers: () => this.recall(),
    };
    return new Replication(runtime, options, this.table, output, journal, log);
  }

  #buildRouter(): Router {
    const { runtime, options, log } = this.#init;
    const output = {
      isMember: () => this.membership.isMember,
      isSuspect: (id: Key) => this.membership.isSuspect(id),
      ask: this.#calls.ask.bind(this.#calls),
      timeoutMs: this.peers.timeoutMs.bind(this.peers),
      deliver: (message: RoutedMessage, via: Contact) => {
        const { app, source } = message;
        if (app === lookupApp) this.apps.guard(source, via, app, () => this.lookups.onQuestion(message));
        else this.apps.deliver(message, via);
      },
      forward: this.apps.forward.bind(this.apps),
    };
    return new Router(runtime, options, this.table, output, log);
  }

  #buildLookups(): Lookups {
    const { runtime, options, self } = this.#init;
    const output = {
      ask: this.#calls.ask.bind(this.#calls),
      find: this.#calls.find.bind(this.#calls),
      isSuspect: (id: Key) => this.membership.isSuspect(id),
      timeoutMs: this.peers.timeoutMs.bind(this.peers),
      get: this.table.get.bind(this.table),
      distance: this.table.distance.bind(this.table),
    };
    return new Lookups(runtime, options, self, this.router, output);
  }

  #buildBroadcaster(): Broadcaster {
    const { runtime, options } = this.#init;
    return new Broadcaster(runtime, options, this.table, {
      ask: (to, payload, timeoutMs) => this.rpc.request(to, broadcastApp, payload, { timeoutMs }),
      deliver: this.apps.broadcast.bind(this.apps),
    });
  }
}
