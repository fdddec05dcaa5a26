import type { Contact, Key } from '../overlay.ts';
import { RoundTrip, type RoundTripOptions } from '../round-trip.ts';

/** What is known of one life of a node that has spoken to this one. */
export interface Peer {
  contact: Contact;
  incarnation: number;
  heardAtMs: number;
  /** When a ping or a pong last came, which is when news and adverts did. */
  exchangedAtMs: number;
  readonly roundTrip: RoundTrip;
}

/** Every node that was heard directly of late, member or not. */
export class Peers {
  readonly #options: RoundTripOptions;
  readonly #peers = new Map<Key, Peer>();
  readonly #unknown: RoundTrip;

  constructor(options: RoundTripOptions) {
    this.#options = options;
    this.#unknown = new RoundTrip(options);
  }

  get(id: Key): Peer | undefined {
    return this.#peers.get(id);
  }

  /** The timeout for a question to this peer, or to one of which nothing is known. */
  timeoutMs(id: Key | null, attempt: number): number {
    const peer = id === null ? undefined : this.#peers.get(id);
    return (peer?.roundTrip ?? this.#unknown).timeoutMs(attempt);
  }

  /** A frame came. `restarted`: from another life of the node than the last one did. */
  heard(id: Key, address: string, incarnation: number, nowMs: number): { peer: Peer; restarted: boolean } {
    let peer = this.#peers.get(id);
    if (!peer) {
      peer = {
        contact: { id, address },
        incarnation,
        heardAtMs: nowMs,
        exchangedAtMs: 0,
        roundTrip: new RoundTrip(this.#options),
      };
      this.#peers.set(id, peer);
      return { peer, restarted: false };
    }
    const restarted = peer.incarnation !== incarnation;
    peer.incarnation = incarnation;
    peer.heardAtMs = nowMs;
    if (peer.contact.address !== address) peer.contact = { id, address };
    return { peer, restarted };
  }

  /** Forgets whoever was silent since `beforeMs`, except those to keep. */
  forgetSilent(beforeMs: number, keep: (id: Key) => boolean): void {
    for (const [id, peer] of this.#peers) if (peer.heardAtMs < beforeMs && !keep(id)) this.#peers.delete(id);
  }
}
