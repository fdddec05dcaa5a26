import { OverlayError } from '../overlay.ts';
import type { Runtime, Timer } from '../runtime.ts';
import { type Bid, FairAdmission } from './fair-admission.ts';
import type { Item } from './items.ts';
import { recordBytes } from './messages.ts';

export interface ShareOptions {
  readonly storageBytesMax: number;
  readonly admissionTimeoutMs: number;
  readonly lifetimeMaxMs: number;
  readonly valueBytesMax: number;
}

/** Gives back what was held for a put: the item itself is counted by then, or was refused. */
export type Release = () => void;

interface Waiting extends Bid {
  readonly admit: (release: Release) => void;
}

/** What an item takes of the storage. */
export function storedBytes(value: Uint8Array | null): number {
  return recordBytes + (value?.length ?? 0);
}

/**
 * Shares the storage of a node among those who write to it. Copies that other owners send are not refused, since
 * those have been admitted there, but they take space.
 */
export class FairShare {
  readonly #runtime: Runtime;
  readonly #options: ShareOptions;
  readonly #admission: FairAdmission<Waiting>;
  readonly #counted = new Set<Item>();
  #wake: Timer | null = null;

  constructor(runtime: Runtime, options: ShareOptions) {
    this.#runtime = runtime;
    this.#options = options;
    const { storageBytesMax: capacityBytes, lifetimeMaxMs, valueBytesMax } = options;
    this.#admission = new FairAdmission({ capacityBytes, lifetimeMaxMs, valueBytesMax: recordBytes + valueBytesMax });
  }

  /** An item came to be kept, in place of an older one if there was one. */
  keep(item: Item, old: Item | undefined): void {
    if (old) this.forget(old);
    this.#counted.add(item);
    this.#admission.space.add(storedBytes(item.value), item.expiresAtMs);
  }

  /** It is not kept any more. */
  forget(item: Item): void {
    if (!this.#counted.delete(item)) return;
    this.#admission.space.remove(storedBytes(item.value), item.expiresAtMs);
    this.#serve();
  }

  /**
   * Resolves once a put may be accepted.
   * @throws OverlayError `full` when that takes too long or can never be, and at once when its client has too much
   *   waiting already
   */
  admit(client: string, bytes: number, lifetimeMs: number): Promise<Release> {
    const { admissionTimeoutMs, storageBytesMax } = this.#options;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        client,
        bytes,
        lifetimeMs,
        admit: (release) => {
          timeout.cancel();
          resolve(release);
        },
      };
      const timeout = this.#runtime.after(admissionTimeoutMs, () => {
        this.#admission.withdraw(waiting);
        reject(
          new OverlayError(
            'full',
            `no room for ${bytes} bytes within ${admissionTimeoutMs} ms: their owner's storage of ${storageBytesMax} bytes is full`,
          ),
        );
        this.#serve();
      });
      if (this.#admission.offer(waiting)) this.#serve();
      else {
        timeout.cancel();
        reject(new OverlayError('full', `${client} has too much waiting for room already`));
      }
    });
  }

  #serve(): void {
    const nowMs = this.#runtime.now();
    for (let first = this.#admission.accept(nowMs); first; first = this.#admission.accept(nowMs)) {
      const { bytes, lifetimeMs } = first;
      first.admit(() => {
        this.#admission.space.remove(bytes, nowMs + lifetimeMs);
        this.#serve();
      });
    }
    this.#wake?.cancel();
    this.#wake = null;
    const wakeAtMs = this.#admission.nextAtMs(nowMs);
    if (!Number.isFinite(wakeAtMs)) return;
    this.#wake = this.#runtime.after(Math.max(1, wakeAtMs - nowMs), () => this.#serve());
  }
}
