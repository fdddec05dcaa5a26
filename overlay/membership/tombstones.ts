import { type MemberName, nameOf } from '../messages.ts';
import type { Contact, Key } from '../overlay.ts';
import type { Address } from '../runtime.ts';
import type { Suspicion } from './probes.ts';

export interface TombstoneOptions {
  readonly tombstoneRetryMs: number;
  readonly missingRememberedMs: number;
  readonly tombstonesMax: number;
}

/** A former member. `unheard` is one that was only heard of, and never answered. */
export interface Tombstone {
  readonly contact: Contact;
  readonly kind: Suspicion;
  readonly atMs: number;
  retryAtMs: number;
}

/** Former members, for as long as one must not take them back on hearsay, nor forget that they are missing. */
export class Tombstones {
  readonly #options: TombstoneOptions;
  /** The longest dead first, as far as this node knows. */
  readonly #tombstones = new Map<MemberName, Tombstone>();
  readonly #byAddress = new Map<Address, MemberName>();

  constructor(options: TombstoneOptions) {
    this.#options = options;
  }

  get(id: Key): Tombstone | undefined {
    return this.#tombstones.get(nameOf(id));
  }

  /** Whether a member of this name was known, and is no more. */
  isBuried(name: MemberName): boolean {
    const tombstone = this.#tombstones.get(name);
    return tombstone !== undefined && tombstone.kind !== 'unheard';
  }

  bury(contact: Contact, kind: Suspicion, atMs: number, nowMs: number): void {
    const name = nameOf(contact.id);
    const later = this.#tombstones.get(this.#byAddress.get(contact.address) ?? '');
    // News that comes late: somebody else has lived at its address since.
    if (later && later.contact.id !== contact.id && later.atMs > atMs) return;
    this.remove(contact.id);
    this.#tombstones.set(name, { contact, kind, atMs, retryAtMs: nowMs + this.#options.tombstoneRetryMs });
    this.#byAddress.set(contact.address, name);
    for (const { contact: oldest } of this.#tombstones.values()) {
      if (this.#tombstones.size <= this.#options.tombstonesMax) break;
      this.remove(oldest.id);
    }
  }

  /** It lives. */
  remove(id: Key): void {
    const name = nameOf(id);
    const tombstone = this.#tombstones.get(name);
    if (!tombstone) return;
    this.#tombstones.delete(name);
    const { address } = tombstone.contact;
    if (this.#byAddress.get(address) === name) this.#byAddress.delete(address);
  }

  /** It lives, and whoever lived at its address before is no more, and not missing either. */
  succeeded(contact: Contact): void {
    this.remove(contact.id);
    const before = this.#tombstones.get(this.#byAddress.get(contact.address) ?? '');
    if (before) this.remove(before.contact.id);
  }

  /** Whether it is time to see if the member lives after all; if so, the next time is a while later. */
  mayRetry(tombstone: Tombstone, nowMs: number): boolean {
    if (nowMs < tombstone.retryAtMs) return false;
    tombstone.retryAtMs = nowMs + this.#options.tombstoneRetryMs;
    return true;
  }

  /** Those that failed of late, oldest first. */
  failed(nowMs: number): Tombstone[] {
    const beforeMs = nowMs - this.#options.missingRememberedMs;
    return [...this.#tombstones.values()].filter(({ kind, atMs }) => kind === 'failed' && atMs > beforeMs);
  }

  forgetOld(nowMs: number): void {
    const beforeMs = nowMs - this.#options.missingRememberedMs;
    for (const { contact, atMs } of this.#tombstones.values()) if (atMs <= beforeMs) this.remove(contact.id);
  }
}
