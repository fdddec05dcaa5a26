import type { RegionSet } from './region.ts';
import type { Address } from './runtime.ts';

/** A point of the 160-bit ring: 40 lower-case hexadecimal digits, so that string order is ring order. */
export type Key = string;

/** A member: where it stands on the ring and where it can be reached. */
export interface Contact {
  readonly id: Key;
  readonly address: Address;
}

/** Keys from `from` (inclusive) clockwise to `to` (exclusive); `from === to` is the whole ring. */
export interface Region {
  readonly from: Key;
  readonly to: Key;
}

/** A flaw of a node's copy: every copy of the region was gone at some time, at the latest at `atMs` by this node's clock. */
export interface Loss {
  readonly region: Region;
  /** What was stored before may be missing, although its lifetime is not over. */
  readonly atMs: number;
}

/** A user of the overlay on every node, such as the engine or the object store. One byte on the wire. */
export type AppId = number;

export interface Delegation {
  readonly to: Contact;
  readonly region: RegionSet;
  /** `to` no longer (or not yet) owns the region but holds its data: it serves what it holds. */
  readonly asHolder: boolean;
}

/**
 * How a node divides a region that it was given. `serve`, `lost` and the regions of `delegate` tile it exactly.
 */
export interface Split {
  /** Parts this node owns and holds complete data for. */
  readonly serve: RegionSet;
  /** Parts for others to serve, disjoint, at most `fanout` of them; from a node that is leaving, as many more as heirs. */
  readonly delegate: readonly Delegation[];
  /** Parts this node owns without ever having been given their data, and nobody known can serve. */
  readonly lost: RegionSet;
}

export interface RoutedMessage {
  readonly key: Key;
  readonly app: AppId;
  readonly payload: Uint8Array;
  readonly source: Contact;
  readonly hops: number;
}

/** What an app may do with a message on its way (Dabek et al., "Towards a Common API", 2003). */
export type Forward =
  | { readonly kind: 'continue'; readonly payload?: Uint8Array; readonly nextHop?: Contact }
  | { readonly kind: 'absorb' };

/**
 * Upcalls to an app. All are synchronous; an app that must wait starts its own work and returns.
 *
 * An upcall that throws a `CodecError`, or an answer that rejects with one, says that the payload is malformed: it is
 * counted, logged and dropped, and the link to the peer that made it is closed. Of a routed or broadcast message that is
 * the peer it came from only if that peer is its source: who merely passed it on has not read it.
 */
export interface App {
  /** A routed message arrived at the owner of its key. */
  deliver?(message: RoutedMessage): void;
  /** A routed message passes through this node. Absent: it continues. */
  forward?(message: RoutedMessage, nextHop: Contact): Forward;
  /** A message sent with `send`: in order, at most once. */
  receive?(from: Contact, payload: Uint8Array): void;
  /** A request; the promise's value is the reply. A retry of the same request is answered from memory. */
  answer?(from: Contact, payload: Uint8Array): Promise<Uint8Array> | Uint8Array;
  /** In place of `answer`, where a request changes nothing: a retry is answered anew, so nothing is remembered of it. */
  read?(from: Contact, payload: Uint8Array): Uint8Array;
  /** A broadcast reached this node, `depth` hops from its origin; called once a broadcast. */
  broadcast?(origin: Contact, payload: Uint8Array, depth: number): void;
  /** A member came, left gracefully or failed, or this node's region changed. */
  update?(change: MembershipChange): void;
}

export type MembershipChange =
  | { readonly kind: 'joined' | 'left' | 'failed'; readonly contact: Contact }
  | { readonly kind: 'region'; readonly region: RegionSet };

/** By asking ever nearer members oneself, or by a routed message that the owner answers. */
export type LookupManner = 'iterative' | 'recursive';

export interface RequestOptions {
  /** The whole request, retries included, fails after this. */
  readonly timeoutMs?: number;
  /** Asked before the request is repeated: when the answer is of no use any more, it fails instead, with `timeout`. */
  readonly isWanted?: () => boolean;
}

/**
 * The distributed hash table as the layers above see it, whatever the geometry.
 * Promises reject with `OverlayError`.
 */
export interface Overlay {
  readonly self: Contact;

  register(app: AppId, handlers: App): void;

  /** Keys this node is responsible for now, by its own table; not to be changed. */
  region(): RegionSet;
  owns(key: Key): boolean;
  /** The `n` members that keep copies of `key`, owner first, by this node's table. */
  replicas(key: Key, n: number): readonly Contact[];
  /** Up to `n` members nearest by the geometry, this node excluded. */
  neighbours(n: number): readonly Contact[];
  /** Every live member this node knows, itself included, in ring order. */
  contacts(): readonly Contact[];
  /** Members that failed within the last while and have neither come back nor left gracefully. */
  missing(): readonly Contact[];

  /**
   * The owner of `key`, asked from the ring; iteratively unless told otherwise. While the owner is silent both to this
   * node and to the member that takes its place once it is dead, that member: it refuses what only an owner may do until then.
   * (With Chord's geometry nobody finds that member before.)
   */
  lookup(key: Key, manner?: LookupManner): Promise<Contact>;
  /** Sends towards the owner of `key`, hop by hop, with `forward` upcalls; each hop is acknowledged. */
  route(key: Key, app: AppId, payload: Uint8Array): void;
  /** Divides `region` for a broadcast or a query; pure. */
  split(region: RegionSet, fanout: number, asHolder: boolean): Split;
  /** Where in `keys` this node's copy may lack something, disjoint; nothing when it is whole. */
  losses(keys: RegionSet): readonly Loss[];
  /**
   * One delivery at each member, this one included: over disjoint regions, and what fails there within seconds more.
   * At most `broadcastBytesMax` bytes. @throws OverlayError `refused` when there are more
   */
  broadcast(app: AppId, payload: Uint8Array): void;

  /**
   * Reliable and in order between this pair of nodes: retransmitted until acknowledged or until the
   * peer is given up, which `watch` and `update` tell. Any size: fragmented beneath.
   */
  send(to: Contact, app: AppId, payload: Uint8Array): void;
  /** Ask and be answered; retried, so answers should be idempotent across restarts of the peer. */
  request(to: Contact, app: AppId, payload: Uint8Array, options?: RequestOptions): Promise<Uint8Array>;
  /**
   * Tells once when `peer` is given up: no acknowledgement of a `send`, no pong, or a broken link that
   * cannot be opened again. While watched, an idle peer is pinged. Returns the way to stop watching.
   */
  watch(peer: Contact, onLost: (reason: string) => void): () => void;
}

/** What some items come to: their number, and the sum of their hashes modulo 2^64. */
export interface Digest {
  readonly items: number;
  readonly hash: bigint;
}

/**
 * Data kept by key, so that hand-off, replication and repair are written once.
 * Regions are as in `Region`; chunks are opaque to the overlay and at most about 256 KiB.
 */
export interface Replicated {
  /**
   * Equal digests mean equal items in the region, apart from those that had expired by `horizonMs`, and that equal ones are known
   * to be removed. Cheap: O(log n) for any region.
   * @param horizonMs never before that of an earlier call, nor after now; what had expired by then need not be kept.
   *   See `horizonOf`
   */
  digest(region: Region, horizonMs: number): Digest;
  /** Everything of some disjoint regions, tombstones included. */
  export(regions: readonly Region[]): Iterable<Uint8Array>;
  /** Merges a chunk; newer versions win, so importing twice changes nothing. */
  import(chunk: Uint8Array): void;
  /** Forgets items that this node need not keep any more. */
  drop(region: Region): void;
  /**
   * Takes up what an earlier life wrote to the node's journal, where one is kept; before the node enters the ring.
   * @throws StorageError
   */
  recover?(): Promise<void>;
}

const SQLSTATE = {
  unreachable: '08006',
  timeout: '08006',
  refused: '08004',
  full: '53100',
  conflict: '40001',
  closed: '57P01',
} as const;

/** A failure of the overlay that a caller can act on: retry, read again, choose another peer or give up. */
export class OverlayError extends Error {
  override readonly name = 'OverlayError';
  readonly code: keyof typeof SQLSTATE;
  constructor(code: keyof typeof SQLSTATE, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
  get sqlState(): string {
    return SQLSTATE[this.code];
  }
}
