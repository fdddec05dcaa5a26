import { decode, encode } from './codec.ts';
import { between } from './keys.ts';
import type { OverlayNode } from './node.ts';
import { type AppId, type Contact, type Key, OverlayError, type Replicated } from './overlay.ts';
import { StorageError } from './storage.ts';
import {
  applyReply,
  type Refusal,
  reasonCharsMax,
  type Write,
  type WriteOutcome,
  type WriteRequest,
  writeReply,
  writeRequest,
  writesMax,
} from './write-messages.ts';

export type { Write } from './write-messages.ts';

export interface WriteOptions {
  /** The write fails with `timeout` when some copy has not acknowledged by then. */
  readonly timeoutMs?: number;
  /**
   * Soft state: who writes it writes it again before long. A node whose disk has failed takes it all the same, in memory.
   * False when absent.
   */
  readonly isSoft?: boolean;
}

/**
 * A store that takes writes at the owner of their keys. When `import` throws OverlayError `refused` or `full` while a copy
 * follows its owner, that reaches the writer, too.
 */
export interface WritableStore extends Replicated {
  /**
   * At the owner, before `accept`: waits for room. The result is called once the write was accepted or refused.
   * Absent, or null: there is room.
   * @throws OverlayError `full` or `refused`, which reaches the writer
   */
  admit?(from: Contact, chunk: Uint8Array): Promise<() => void> | null;
  /**
   * At the owner: takes a write into the store and returns the chunk, for `import`, with which the copies follow.
   * A write whose acknowledgement was lost comes again, perhaps at another owner: it should be idempotent.
   * @throws OverlayError `refused`, `full` or `conflict`, which reaches the writer with its text
   */
  accept(first: Key, chunk: Uint8Array): Uint8Array;
}

const entryBytes = 64;
/** Of an outcome without a reason. */
const outcomeBytes = 8;

const busy: WriteOutcome = { status: 'busy', reason: '' };

/**
 * The way of a write to every copy: from any node to the owner of its key, which takes it into its own store and
 * passes the result to the other members that keep copies, and acknowledges when all of them have. They take it only from
 * whom they believe to be the owner: one who has lost sight of a neighbour must not take writes in its place. Writes for
 * an owner travel together; those for a region that has just moved are sent again until it has settled.
 */
export class ReplicatedWrites {
  readonly #node: OverlayNode;
  readonly #app: AppId;
  readonly #store: WritableStore;

  /** Registers `app` for its own messages, and the store as replicated under the same number. */
  constructor(node: OverlayNode, app: AppId, store: WritableStore) {
    this.#node = node;
    this.#app = app;
    this.#store = store;
    node.replicate(app, store);
    node.register(app, { answer: (from, payload) => this.#answer(from, payload) });
  }

  /**
   * Resolves when the writes are in all copies; a chunk may have up to 1 MiB and a little more.
   * @returns writes whose keys have more than one owner by now: not done, the caller divides them anew. A write
   *   of a single key never is among them.
   * @throws OverlayError `refused`, `full` or `conflict` by the store, or `timeout`; other writes of the call may have been done
   */
  async write(writes: readonly Write[], options: WriteOptions = {}): Promise<readonly Write[]> {
    const { writeTimeoutMs, writeRetryMs } = this.#node.options;
    const { timeoutMs = writeTimeoutMs, isSoft = false } = options;
    const deadlineMs = this.#node.runtime.now() + timeoutMs;
    const torn: Write[] = [];
    let left = writes;
    for (let attempt = 0; left.length > 0; attempt++) {
      const leftMs = deadlineMs - this.#node.runtime.now();
      if (leftMs <= 0)
        throw new OverlayError('timeout', `${left.length} of ${writes.length} writes were not acknowledged in time`);
      if (attempt > 0) await new Promise<void>((resolve) => this.#node.runtime.after(writeRetryMs, resolve));
      const batches = await this.#batches(left, attempt > 0, torn);
      const rest = await Promise.all(batches.map((batch) => this.#send(batch, isSoft, leftMs)));
      left = rest.flat();
    }
    return torn;
  }

  // ---- The writing node

  async #batches(
    writes: readonly Write[],
    askRing: boolean,
    torn: Write[],
  ): Promise<{ owner: Contact; writes: Write[] }[]> {
    const { writeBatchBytes } = this.#node.options;
    const open = new Map<Key, { owner: Contact; writes: Write[]; bytes: number }>();
    const batches: { owner: Contact; writes: Write[] }[] = [];
    for (const write of writes) {
      const owner = await this.#ownerOf(write.first, askRing);
      if (write.last !== write.first && (await this.#isTorn(write, owner, askRing))) {
        torn.push(write);
        continue;
      }
      const bytes = entryBytes + write.chunk.length;
      let batch = open.get(owner.id);
      if (!batch || batch.bytes + bytes > writeBatchBytes || batch.writes.length >= writesMax) {
        batch = { owner, writes: [], bytes: 0 };
        batches.push(batch);
        open.set(owner.id, batch);
      }
      batch.writes.push(write);
      batch.bytes += bytes;
    }
    return batches;
  }

  async #isTorn({ first, last }: Write, owner: Contact, askRing: boolean): Promise<boolean> {
    if ((await this.#ownerOf(last, askRing)).id !== owner.id) return true;
    return this.#node.regionOf(owner.id)?.covers(between(first, last)) === false;
  }

  /** By the table at first; when that guess was wrong, by the ring. */
  async #ownerOf(key: Key, askRing: boolean): Promise<Contact> {
    const guess = this.#node.replicas(key, 1)[0] as Contact;
    if (!askRing) return guess;
    try {
      return await this.#node.lookup(key);
    } catch (error) {
      if (!(error instanceof OverlayError) || error.code === 'closed') throw error;
      return guess;
    }
  }

  /** Returns the writes to try again. */
  async #send(
    { owner, writes }: { owner: Contact; writes: Write[] },
    isSoft: boolean,
    timeoutMs: number,
  ): Promise<Write[]> {
    let outcomes: readonly WriteOutcome[];
    try {
      const request = encodeWrites({ type: 'write', isSoft, writes });
      outcomes = await this.#node.ask(owner, this.#app, request, writeReply, { timeoutMs });
    } catch (error) {
      if (!(error instanceof OverlayError) || error.code === 'closed') throw error;
      return writes;
    }
    for (const { status, reason } of outcomes) {
      if (status === 'refused' || status === 'full' || status === 'conflict') throw new OverlayError(status, reason);
    }
    return writes.filter((_, i) => outcomes[i]?.status !== 'done');
  }

  // ---- The owner and the copies

  async #answer(from: Contact, payload: Uint8Array): Promise<Uint8Array> {
    const { type, isSoft, writes }: WriteRequest = decode(writeRequest, payload);
    if (type === 'apply') return encode(applyReply, await this.#follow(from, isSoft, writes));
    const accepted: Write[] = [];
    const admissions = await this.#admit(from, writes);
    const outcomes = writes.map((write, i) => this.#take(write, isSoft, accepted, admissions[i]));
    const flushing = this.#diskFailure(isSoft);
    const uncopied = await this.#copy(accepted, isSoft);
    const failure = (await flushing) ?? uncopied;
    // Had the region gone to another meanwhile, its copies would now be others, too.
    const final = (outcome: WriteOutcome, write: Write): WriteOutcome =>
      outcome.status === 'done' ? (failure ?? (this.#owns(write) ? outcome : busy)) : outcome;
    return encode(
      writeReply,
      outcomes.map((outcome, i) => final(outcome, writes[i] as Write)),
      outcomeBytes * outcomes.length,
    );
  }

  /** Takes over what the owner has accepted. Null once it is safe here. @throws CodecError, OverlayError */
  async #follow(from: Contact, isSoft: boolean, writes: readonly Write[]): Promise<Refusal | null> {
    const keys = [...new Set(writes.flatMap(({ first, last }) => [first, last]))];
    if (!keys.every((key) => this.#node.mayOwn(from, key)))
      throw new OverlayError('refused', 'another member owns these keys');
    try {
      for (const { chunk } of writes) this.#store.import(chunk);
    } catch (error) {
      if (!(error instanceof OverlayError)) throw error;
      return { status: error.code === 'full' ? 'full' : 'refused', reason: shortened(error.message) };
    }
    return this.#diskFailure(isSoft);
  }

  #owns({ first, last }: Write): boolean {
    return this.#node.owns(first, last);
  }

  /** Nothing for a write for which there is room anyway. */
  async #admit(from: Contact, writes: readonly Write[]): Promise<readonly Admission[]> {
    if (!this.#store.admit) return [];
    const waits = writes.map((write) => (this.#owns(write) ? this.#store.admit?.(from, write.chunk) : null));
    return Promise.all(waits.map(async (wait) => wait?.catch(refusal)));
  }

  #take(write: Write, isSoft: boolean, accepted: Write[], admission: Admission): WriteOutcome {
    if (admission instanceof OverlayError) return outcomeOf(admission);
    try {
      return this.#takeNow(write, isSoft, accepted);
    } finally {
      admission?.();
    }
  }

  #takeNow(write: Write, isSoft: boolean, accepted: Write[]): WriteOutcome {
    const { first, last, chunk } = write;
    if (!this.#owns(write)) return { status: 'moved', reason: '' };
    const { failure } = this.#node.journal;
    if (failure && !isSoft) return this.#refusalBy(failure);
    // Whoever reads the region meanwhile is sent to an older copy, which would lack the write.
    if (!this.#node.holds(first, last)) return busy;
    try {
      accepted.push({ first, last, chunk: this.#store.accept(first, chunk) });
      return { status: 'done', reason: '' };
    } catch (error) {
      return outcomeOf(refusal(error));
    }
  }

  /** Null once all that came until now is safe on disk, or as safe as soft state need be. */
  async #diskFailure(isSoft: boolean): Promise<Refusal | null> {
    try {
      await this.#node.journal.flushed();
      return null;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      return isSoft ? null : this.#refusalBy(error);
    }
  }

  #refusalBy({ code, message }: StorageError): Refusal {
    const reason = `node ${this.#node.self.address} takes no writes, since its disk has failed: ${message}`;
    return { status: code === 'full' ? 'full' : 'refused', reason: shortened(reason) };
  }

  /**
   * Null when every other member with a copy has it: those that fail meanwhile keep none any more. `busy` when some do
   * not take it in time, or when some keys are another's by now, from whom alone they would take it.
   */
  async #copy(writes: readonly Write[], isSoft: boolean): Promise<WriteOutcome | null> {
    const { writeTimeoutMs } = this.#node.options;
    const deadlineMs = this.#node.runtime.now() + writeTimeoutMs;
    const done = new Map<Key, Set<Write>>();
    for (;;) {
      const due = new Map<Contact, Write[]>();
      for (const write of writes) {
        for (const contact of this.#node.copiers(write.first, write.last)) {
          if (done.get(contact.id)?.has(write)) continue;
          const share = due.get(contact) ?? [];
          share.push(write);
          due.set(contact, share);
        }
      }
      if (due.size === 0) return null;
      const leftMs = deadlineMs - this.#node.runtime.now();
      if (leftMs <= 0 || !writes.every((write) => this.#owns(write))) return busy;
      const answers = await Promise.all(
        [...due].map(async ([contact, share]) => {
          const answer = await this.#apply(contact, share, isSoft, leftMs);
          if (answer === 'done') done.set(contact.id, new Set([...(done.get(contact.id) ?? []), ...share]));
          return answer;
        }),
      );
      for (const answer of answers) if (typeof answer === 'object') return answer;
    }
  }

  /** `silent`, a while later, when the member did not acknowledge. */
  async #apply(
    contact: Contact,
    writes: readonly Write[],
    isSoft: boolean,
    timeoutMs: number,
  ): Promise<'done' | 'silent' | Refusal> {
    try {
      const request = encodeWrites({ type: 'apply', isSoft, writes });
      return (await this.#node.ask(contact, this.#app, request, applyReply, { timeoutMs })) ?? 'done';
    } catch (error) {
      if (!(error instanceof OverlayError) || error.code === 'closed') throw error;
      await new Promise<void>((resolve) => this.#node.runtime.after(this.#node.options.writeRetryMs, resolve));
      return 'silent';
    }
  }
}

/** Room for a write, if it had to be asked for: the way to give it back, or why there is none. */
type Admission = (() => void) | OverlayError | undefined;

function refusal(error: unknown): OverlayError {
  if (error instanceof OverlayError) return error;
  throw error;
}

function outcomeOf(error: OverlayError): WriteOutcome {
  const status = error.code === 'conflict' || error.code === 'full' ? error.code : 'refused';
  return { status, reason: shortened(error.message) };
}

function shortened(reason: string): string {
  return reason.slice(0, reasonCharsMax);
}

function encodeWrites(request: WriteRequest): Uint8Array {
  const bytes = request.writes.reduce((sum, { chunk }) => sum + entryBytes + chunk.length, entryBytes);
  return encode(writeRequest, request, bytes);
}
