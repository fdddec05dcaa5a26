import { compareClockwise } from '../keys.ts';
import type { Contact, Key } from '../overlay.ts';
import type { Ground } from './ground.ts';
import { Probes, type Suspicion } from './probes.ts';

export interface DetectionOptions {
  readonly nearPingMs: number;
  readonly farPingMs: number;
  readonly farLifetimeShare: number;
  readonly sweepEveryMs: number;
  readonly sweepUnrestMs: number;
  readonly unrestMs: number;
  readonly probesMax: number;
  readonly rumourProbesMax: number;
  readonly probeSpacingMs: number;
  readonly helpersMax: number;
  readonly helperPings: number;
  readonly leafSetSize: number;
}

export interface DetectionOutput {
  ping(contact: Contact): void;
  /** Pings a member outside the leaf set, to compare what both know. */
  compare(contact: Contact): void;
  /** Asks another member to reach this one; resolves to whether it did. */
  askHelper(helper: Contact, contact: Contact): Promise<boolean>;
  silent(contact: Contact, suspicion: Suspicion): void;
}

/** How the fleet has been of late, which decides how often one looks at those who are not close. */
export interface Weather {
  readonly calmMs: number;
  readonly lifetimeMs: number;
}

/**
 * Tells life from death. The nearest neighbours on both sides exchange pings all the time: they are the first whom a
 * death concerns, and they spread it. The rest of the leaf set is looked at as often as the churn seen demands, and
 * everybody else in turn. Whoever is silent becomes suspect, is pinged again, each ping with its own chance to be
 * lost, tried through other members, and only then declared dead.
 *
 * @see Das, Gupta and Motivala, "SWIM", DSN 2002; Rhea et al., "Handling Churn in a DHT", USENIX 2004
 */
export class Detection {
  readonly #ground: Ground;
  readonly #options: DetectionOptions;
  readonly #output: DetectionOutput;
  readonly #probes: Probes;
  #leaves: readonly Contact[] = [];
  /** Those next to this node on the ring, and the rest; each with when the next of them falls due, or before. */
  #near: readonly Contact[] = [];
  #far: readonly Contact[] = [];
  #nearDueAtMs = 0;
  #farDueAtMs = 0;
  /** How often the far ones were to be looked at when that was last asked. */
  #farMs = 0;
  /** Whose turn it was last, outside the leaf set. */
  #swept: Contact | null = null;
  #sweptAtMs: number;

  constructor(ground: Ground, options: DetectionOptions, output: DetectionOutput) {
    const { runtime, table, peers } = ground;
    this.#ground = ground;
    this.#options = options;
    this.#output = output;
    this.#sweptAtMs = runtime.now();
    this.#probes = new Probes(runtime, {
      ping: (contact) => output.ping(contact),
      waitMs: ({ id }) => Math.max(options.probeSpacingMs, peers.timeoutMs(id, 0)),
      // Of what is hearsay, others have made sure already.
      doubted: (contact) => {
        if (table.get(contact.id)) void this.#askHelpers(contact);
      },
      silent: (contact, suspicion) => output.silent(contact, suspicion),
    });
  }

  /** Members next to this node on the ring, on both sides. */
  isNear(id: Key): boolean {
    this.#lookAround();
    return this.#near.some((leaf) => leaf.id === id);
  }

  isSuspect(id: Key): boolean {
    return this.#probes.isDoubtful(id);
  }

  isProbing(id: Key): boolean {
    return this.#probes.has(id);
  }

  /** Some attempt to reach a member failed: see whether it lives. */
  suspect(contact: Contact, reason: string): void {
    if (this.#probes.has(contact.id)) return;
    this.#ground.log('debug', 'suspect', { contact: contact.address, reason });
    this.#probes.start(contact, this.#options.probesMax, 'failed', false);
  }

  /** Hearsay: that a member is dead or left, or that somebody is a member. */
  check(contact: Contact, suspicion: Suspicion): void {
    this.#probes.start(contact, this.#options.rumourProbesMax, suspicion, true);
  }

  /** Resolves when the contact has answered or was given up. */
  checked(contact: Contact): Promise<void> {
    this.check(contact, 'unheard');
    return this.#probes.ended(contact.id);
  }

  answered(id: Key): void {
    this.#probes.end(id);
  }

  /** What another member asked for: pings a few times; whether there was an answer. */
  async reach(contact: Contact): Promise<boolean> {
    const { helperPings, probeSpacingMs } = this.#options;
    const sinceMs = this.#ground.runtime.now();
    for (let attempt = 0; attempt < helperPings; attempt++) {
      this.#output.ping(contact);
      const waitMs = Math.max(probeSpacingMs, this.#ground.peers.timeoutMs(contact.id, 0));
      await new Promise<void>((resolve) => this.#ground.runtime.after(waitMs, resolve));
      if ((this.#ground.peers.get(contact.id)?.exchangedAtMs ?? 0) > sinceMs) return true;
    }
    return false;
  }

  close(): void {
    this.#probes.close();
  }

  /** Looks at those whose turn it is. */
  tick(nowMs: number, weather: Weather): void {
    const { nearPingMs, farPingMs, farLifetimeShare } = this.#options;
    const farMs = Math.min(farPingMs, Math.max(nearPingMs, weather.lifetimeMs * farLifetimeShare));
    this.#lookAround();
    if (nowMs >= this.#nearDueAtMs) this.#nearDueAtMs = this.#check(this.#near, nearPingMs, nowMs);
    if (nowMs >= this.#farDueAtMs || farMs < this.#farMs) {
      this.#farMs = farMs;
      this.#farDueAtMs = this.#check(this.#far, Math.max(nearPingMs, farMs), nowMs);
    }
    this.#sweep(nowMs, weather);
  }

  /** Looks at those who said nothing for `everyMs`. Returns when the next falls due; heard from later, it does later. */
  #check(leaves: readonly Contact[], everyMs: number, nowMs: number): number {
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const leaf of leaves) {
      const dueAtMs = (this.#ground.peers.get(leaf.id)?.exchangedAtMs ?? 0) + everyMs;
      nextAtMs = Math.min(nextAtMs, dueAtMs);
      if (nowMs >= dueAtMs && !this.#probes.has(leaf.id)) {
        this.#probes.start(leaf, this.#options.probesMax, 'failed', false);
      }
    }
    return nextAtMs;
  }

  #lookAround(): void {
    const leaves = this.#ground.table.leaves();
    if (leaves === this.#leaves) return;
    this.#leaves = leaves;
    const near = this.#nearest(leaves);
    this.#near = leaves.filter(({ id }) => near.has(id));
    this.#far = leaves.filter(({ id }) => !near.has(id));
    this.#nearDueAtMs = 0;
    this.#farDueAtMs = 0;
  }

  #sweep(nowMs: number, { calmMs }: Weather): void {
    const { sweepEveryMs, sweepUnrestMs, unrestMs, probeSpacingMs, probesMax } = this.#options;
    const sinceMs = nowMs - this.#sweptAtMs;
    if (this.#swept && sinceMs >= probeSpacingMs) {
      const { id } = this.#swept;
      const isSilent = (this.#ground.peers.get(id)?.exchangedAtMs ?? 0) < this.#sweptAtMs;
      const known = this.#ground.table.get(id);
      if (isSilent && known) this.#probes.start(known, probesMax, 'failed', false);
      this.#swept = null;
    }
    if (sinceMs < (calmMs < unrestMs ? sweepUnrestMs : sweepEveryMs)) return;
    this.#sweptAtMs = nowMs;
    this.#swept = this.#ground.table.nextToProbe() ?? this.#anyLeaf() ?? null;
    if (this.#swept) this.#output.compare(this.#swept);
  }

  #anyLeaf(): Contact | undefined {
    const leaves = this.#ground.table.leaves();
    return leaves[Math.floor(this.#ground.runtime.random() * leaves.length)];
  }

  async #askHelpers(contact: Contact): Promise<void> {
    const helpers = this.#ground.table
      .around(contact.id, 2 * this.#options.helpersMax)
      .filter(({ id }) => id !== this.#ground.table.self.id && !this.#probes.has(id))
      .slice(0, this.#options.helpersMax);
    const answers = helpers.map(async (helper) => {
      if (!(await this.#output.askHelper(helper, contact))) return;
      if (this.#probes.has(contact.id)) {
        this.#ground.log('info', 'a suspect is alive by another', { contact: contact.address, helper: helper.address });
      }
      const peer = this.#ground.peers.get(contact.id);
      if (peer) peer.exchangedAtMs = this.#ground.runtime.now();
      this.#probes.end(contact.id);
    });
    await Promise.all(answers);
  }

  #nearest(leaves: readonly Contact[]): Set<Key> {
    const eachSide = Math.max(1, this.#options.leafSetSize >> 3);
    const { id: self } = this.#ground.table.self;
    const ids = leaves.map(({ id }) => id).sort((a, b) => compareClockwise(self, a, b));
    return new Set([...ids.slice(0, eachSide), ...ids.slice(-eachSide)]);
  }
}
