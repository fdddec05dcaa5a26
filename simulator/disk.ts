import type { Runtime, Storage, StorageEntry, StorageWrite } from '../overlay/index.ts';
import { damaged, StorageError, unreadable } from '../overlay/index.ts';
import type { Random } from './random.ts';

/** How long a write takes to be safe: a small flash disk. */
const syncMs = 2;

/**
 * The disk of a simulated machine: outlives crashes, but for the write under way, of which everything or nothing is
 * there afterwards, as chance has it. Tests fill and damage it.
 */
export class SimulatedDisk {
  /** By keys in hexadecimal digits. */
  readonly #entries = new Map<string, Uint8Array>();
  readonly #random: Random;
  #underWay: readonly StorageWrite[] | null = null;
  #lives = 0;
  /** From now on every write fails. */
  isFull = false;
  /** From its next opening on nothing can be read or written. */
  isUnreadable = false;
  /** How long it takes until reading begins. */
  readMs = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get entries(): number {
    return this.#entries.size;
  }

  /** For a new life of the machine; an earlier one has no part in the disk any more. */
  open(runtime: Runtime): Storage {
    this.#lives += 1;
    const life = this.#lives;
    if (this.#underWay && this.#random() < 0.5) this.#apply(this.#underWay);
    this.#underWay = null;
    if (this.isUnreadable) return unreadable(damaged('the simulated disk'));
    const write = async (batch: readonly StorageWrite[]): Promise<void> => {
      const copy = batch.map(({ key, value }) => ({
        key: Uint8Array.from(key),
        value: value && Uint8Array.from(value),
      }));
      if (life !== this.#lives) return new Promise(() => {});
      this.#underWay = copy;
      await new Promise<void>((resolve) => runtime.after(syncMs, resolve));
      if (life !== this.#lives) return new Promise(() => {});
      this.#underWay = null;
      if (this.isFull) throw new StorageError('full', 'no space left on the simulated disk');
      this.#apply(copy);
    };
    return { failure: null, write, entries: (prefix) => this.#read(prefix, runtime), close: async () => {} };
  }

  /** Changes a byte of the nth entry (modulo their number) of those whose keys begin with `prefix`. */
  damage(prefix: number, nth: number): void {
    const keys = this.#keys(prefix);
    const value = this.#entries.get(keys[nth % keys.length] ?? '');
    if (!value) throw new Error('nothing to damage');
    const at = Math.floor(this.#random() * value.length);
    value[at] = (value[at] as number) ^ 0x55;
  }

  /** Forgets an entry of those whose keys begin with `prefix`, as a database does that drops a damaged part of its log. */
  forget(prefix: number, nth: number): void {
    const keys = this.#keys(prefix);
    if (!this.#entries.delete(keys[nth % keys.length] ?? '')) throw new Error('nothing to forget');
  }

  /** All data is gone, as with a new disk. */
  wipe(): void {
    this.#entries.clear();
    this.#underWay = null;
  }

  async *#read(prefix: number, runtime: Runtime): AsyncGenerator<StorageEntry> {
    if (this.readMs > 0) await new Promise<void>((resolve) => runtime.after(this.readMs, resolve));
    const snapshot = this.#keys(prefix).map((key) => [key, this.#entries.get(key)] as const);
    for (const [key, value] of snapshot) {
      if (value) yield { key: Buffer.from(key, 'hex'), value: Uint8Array.from(value) };
    }
  }

  #keys(prefix: number): string[] {
    const start = Buffer.of(prefix).toString('hex');
    return [...this.#entries.keys()].filter((key) => key.startsWith(start)).sort();
  }

  #apply(batch: readonly StorageWrite[]): void {
    for (const { key, value } of batch) {
      const name = Buffer.from(key).toString('hex');
      if (value) this.#entries.set(name, value);
      else this.#entries.delete(name);
    }
  }
}
