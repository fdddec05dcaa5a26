import type { Contact, Key } from '../overlay.ts';
import type { Runtime, Timer } from '../runtime.ts';

/** What to make of a contact's silence: a member failed or had left, or a rumour was never more than that. */
export type Suspicion = 'failed' | 'left' | 'unheard';

export interface ProbeOutput {
  ping(contact: Contact): void;
  /** How long to wait for an answer before the next ping. */
  waitMs(contact: Contact): number;
  /** Half of the pings to one of whom nobody else said that it is gone were not answered. */
  doubted(contact: Contact): void;
  /** None of the pings was answered. */
  silent(contact: Contact, suspicion: Suspicion): void;
}

interface Probe {
  readonly contact: Contact;
  readonly suspicion: Suspicion;
  readonly isHearsay: boolean;
  readonly attempts: number;
  attemptsLeft: number;
  timer: Timer | null;
  readonly onEnd: (() => void)[];
}

/** Contacts that are being pinged again and again, until they answer or were silent often enough. */
export class Probes {
  readonly #runtime: Runtime;
  readonly #output: ProbeOutput;
  readonly #probes = new Map<Key, Probe>();

  constructor(runtime: Runtime, output: ProbeOutput) {
    this.#runtime = runtime;
    this.#output = output;
  }

  has(id: Key): boolean {
    return this.#probes.has(id);
  }

  /** Whether a contact is being probed and has left a ping unanswered. */
  isDoubtful(id: Key): boolean {
    const probe = this.#probes.get(id);
    return probe !== undefined && probe.attempts - probe.attemptsLeft > 1;
  }

  /**
   * Pings at once, and up to `attempts` times in all; for one that is being probed, so many times more at most.
   * @param isHearsay somebody else said so
   */
  start(contact: Contact, attempts: number, suspicion: Suspicion, isHearsay: boolean): void {
    const running = this.#probes.get(contact.id);
    if (running) {
      running.attemptsLeft = Math.min(running.attemptsLeft, attempts);
      return;
    }
    const probe: Probe = { contact, suspicion, isHearsay, attempts, attemptsLeft: attempts, timer: null, onEnd: [] };
    this.#probes.set(contact.id, probe);
    this.#ping(probe);
  }

  /** Resolves when the contact has answered or was given up; at once when it is not being probed. */
  ended(id: Key): Promise<void> {
    const probe = this.#probes.get(id);
    return probe ? new Promise((resolve) => probe.onEnd.push(resolve)) : Promise.resolve();
  }

  /** The contact answered. */
  end(id: Key): void {
    const probe = this.#probes.get(id);
    if (!probe) return;
    probe.timer?.cancel();
    this.#probes.delete(id);
    for (const onEnd of probe.onEnd) onEnd();
  }

  close(): void {
    for (const id of [...this.#probes.keys()]) this.end(id);
  }

  #ping(probe: Probe): void {
    const { contact, suspicion, isHearsay, attempts, attemptsLeft } = probe;
    if (attemptsLeft === 0) {
      this.end(contact.id);
      this.#output.silent(contact, suspicion);
      return;
    }
    if (attemptsLeft === attempts >> 1 && !isHearsay) this.#output.doubted(contact);
    probe.attemptsLeft -= 1;
    this.#output.ping(contact);
    probe.timer = this.#runtime.after(this.#output.waitMs(contact), () => this.#ping(probe));
  }
}
