import { type JoinReply, joinMissingMax } from '../control.ts';
import type { Log } from '../defaults.ts';
import { type Contact, type Key, OverlayError } from '../overlay.ts';
import type { RoutingTable } from '../routing-table.ts';
import type { Address, Runtime } from '../runtime.ts';
import type { Target } from '../wire.ts';
import type { Tombstone } from './tombstones.ts';

export interface JoiningOptions {
  readonly joinContactsMax: number;
  readonly joinRetryMs: number;
}

export interface JoiningOutput {
  /** `contactsMax`: how many members to be told of besides the nearest. */
  ask(to: Target, contactsMax: number): Promise<JoinReply>;
  isClosed(): boolean;
}

/** The way into a ring: from any member to the nearest ones, and to a sample of all. */
export class Joining {
  readonly #runtime: Runtime;
  readonly #options: JoiningOptions;
  readonly #table: RoutingTable;
  readonly #output: JoiningOutput;
  readonly #log: Log;

  constructor(runtime: Runtime, options: JoiningOptions, table: RoutingTable, output: JoiningOutput, log: Log) {
    this.#runtime = runtime;
    this.#options = options;
    this.#table = table;
    this.#output = output;
    this.#log = log;
  }

  /**
   * Goes through the seeds, `rounds` times at most, until `enter` succeeds with what one of them led to.
   * @throws OverlayError when no seed lets this node in
   */
  async join(seeds: readonly Address[], rounds: number, enter: (found: JoinReply) => Promise<void>): Promise<void> {
    const others = seeds.filter((seed) => seed !== this.#table.self.address);
    let failure = new OverlayError('unreachable', 'no seed to join through');
    for (let round = 0; round < rounds && others.length > 0; round++) {
      if (round > 0) await this.#sleep(this.#options.joinRetryMs);
      for (const seed of others) {
        this.#checkOpen();
        try {
          await enter(await this.#explore(seed));
          return;
        } catch (error) {
          if (!(error instanceof OverlayError)) throw error;
          this.#checkOpen();
          this.#log('info', 'cannot join through seed', { seed, reason: error.message });
          failure = new OverlayError(error.code, `cannot join through ${seed}: ${error.message}`, { cause: error });
        }
      }
    }
    throw failure;
  }

  /** Asks ever nearer members, since the nearest knows this node's neighbours best. */
  async #explore(seed: Address): Promise<JoinReply> {
    const known = new Map<Key, Contact>();
    /** Others may go on to mention them for a while: they must not end the search. */
    const silent = new Set<Key>();
    const missing: JoinReply['missing'][number][] = [];
    const learn = (reply: JoinReply): void => {
      for (const contact of reply.contacts) {
        if (contact.id !== this.#table.self.id && !silent.has(contact.id)) known.set(contact.id, contact);
      }
      missing.push(...reply.missing);
    };
    learn(await this.#output.ask({ id: null, address: seed }, 0));
    const asked = new Set<Key>();
    let contactsMax = this.#options.joinContactsMax;
    for (;;) {
      const nearest = this.#table.bearingsAmong(known.values())[0];
      if (!nearest || asked.has(nearest.id)) break;
      asked.add(nearest.id);
      try {
        learn(await this.#output.ask(nearest, contactsMax));
        contactsMax = 0;
      } catch (error) {
        if (!(error instanceof OverlayError) || error.code === 'closed') throw error;
        known.delete(nearest.id);
        silent.add(nearest.id);
      }
    }
    if (known.size === 0) throw new OverlayError('unreachable', 'the seed knows no member that answers');
    return { contacts: [...known.values()], missing };
  }

  /** @throws OverlayError `closed` */
  #checkOpen(): void {
    if (this.#output.isClosed()) throw new OverlayError('closed', 'this node was closed while joining');
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#runtime.after(delayMs, resolve));
  }
}

/**
 * The answer to a node that wants to join: those around it and the dead among them (in Chord some farther ones, too), of
 * whom each member asked may know others; and, once it wants a sample of up to `contactsMax` others, all the dead.
 */
export function introduction(
  table: RoutingTable,
  newcomer: Key,
  contactsMax: number,
  failed: readonly Tombstone[],
  nowMs: number,
): JoinReply {
  const contacts = new Set(table.bearingsFor(newcomer));
  const all = table.contacts();
  const membersMax = contacts.size + contactsMax;
  const stride = Math.max(1, all.length / Math.max(1, contactsMax));
  for (let i = 0; i < all.length && contacts.size < membersMax; i += stride) {
    const contact = all[Math.floor(i)] as Contact;
    if (contact.id !== newcomer) contacts.add(contact);
  }
  // In a small fleet everybody is around everybody.
  const tellsAll = contactsMax > 0 || contacts.size + 1 >= all.length;
  const farthest = tellsAll ? null : greatest([...contacts].map(({ id }) => table.distance(newcomer, id)));
  const isTold = ({ id }: Contact): boolean => farthest === null || table.distance(newcomer, id) <= farthest;
  const missing = failed
    .filter(({ contact }) => contact.id !== newcomer && isTold(contact))
    .slice(-joinMissingMax)
    .map(({ contact, atMs }) => ({ contact, agoMs: Math.max(0, nowMs - atMs) }));
  return { contacts: [...contacts], missing };
}

function greatest(all: readonly bigint[]): bigint {
  let found = 0n;
  for (const one of all) if (one > found) found = one;
  return found;
}
