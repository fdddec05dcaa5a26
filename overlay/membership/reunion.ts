import type { Contact } from '../overlay.ts';
import type { Address, Runtime } from '../runtime.ts';
import type { Target } from '../wire.ts';

export interface ReunionOptions {
  readonly missingRetryMs: number;
  readonly seedRetryMaxMs: number;
  readonly rememberedMax: number;
}

export interface ReunionOutput {
  ping(to: Target): void;
  /** Whether a member is known to live at this address. */
  knows(address: Address): boolean;
  /** Whether this node knows nobody else. */
  isAlone(): boolean;
}

/**
 * Looks for those who were lost: members that are missing, as long as these are remembered; and for ever, though less
 * and less often, the seeds, when none of them is a member of this ring, which may be only part of a whole; with
 * nobody else left also the members met last. One ping that is answered is enough for two rings to find each other.
 */
export class Reunion {
  readonly #runtime: Runtime;
  readonly #options: ReunionOptions;
  readonly #output: ReunionOutput;
  #seeds: readonly Address[] = [];
  /** Members that failed last, oldest first. */
  readonly #remembered = new Map<Address, Contact>();
  #missingAtMs: number;
  #seedsAtMs: number;
  #seedRetryMs: number;

  constructor(runtime: Runtime, options: ReunionOptions, output: ReunionOutput) {
    this.#runtime = runtime;
    this.#options = options;
    this.#output = output;
    this.#missingAtMs = this.#seedsAtMs = runtime.now();
    this.#seedRetryMs = options.missingRetryMs;
  }

  /** The addresses to go back to. */
  remember(seeds: readonly Address[]): void {
    this.#seeds = seeds;
  }

  failed(contact: Contact): void {
    this.#remembered.delete(contact.address);
    this.#remembered.set(contact.address, contact);
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= this.#options.rememberedMax) break;
      this.#remembered.delete(oldest);
    }
  }

  /** @param failed members that failed of late: those are missing at whose addresses nobody else lives, as for `Turnover` */
  tick(nowMs: number, failed: () => readonly { readonly contact: Contact }[]): void {
    if (nowMs - this.#missingAtMs >= this.#options.missingRetryMs) {
      this.#missingAtMs = nowMs;
      const one = this.#anyMissing(failed());
      if (one) this.#output.ping(one);
    }
    if (nowMs - this.#seedsAtMs >= this.#seedRetryMs) {
      this.#seedsAtMs = nowMs;
      this.#tryLost();
    }
  }

  #tryLost(): void {
    const { missingRetryMs, seedRetryMaxMs } = this.#options;
    if (this.#seeds.some((seed) => this.#output.knows(seed))) {
      this.#seedRetryMs = missingRetryMs;
      return;
    }
    this.#seedRetryMs = Math.min(seedRetryMaxMs, 2 * this.#seedRetryMs);
    const seed = this.#any(this.#seeds);
    if (seed !== undefined) this.#output.ping({ id: null, address: seed });
    const member = this.#output.isAlone() ? this.#any([...this.#remembered.values()]) : undefined;
    if (member) this.#output.ping(member);
  }

  /** There may be hundreds, and to look up an address takes long: from one on that is drawn. */
  #anyMissing(failed: readonly { readonly contact: Contact }[]): Contact | undefined {
    const first = Math.floor(this.#runtime.random() * failed.length);
    for (let i = 0; i < failed.length; i++) {
      const { contact } = failed[(first + i) % failed.length] as { readonly contact: Contact };
      if (!this.#output.knows(contact.address)) return contact;
    }
    return undefined;
  }

  #any<T>(choice: readonly T[]): T | undefined {
    return choice[Math.floor(this.#runtime.random() * choice.length)];
  }
}
