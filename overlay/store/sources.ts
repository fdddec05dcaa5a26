import type { Contact, Key } from '../overlay.ts';

export interface SourceOptions {
  readonly sourceSlackMs: number;
  readonly sourceFreshMs: number;
  readonly sourcesMax: number;
  /** How long one waits for a copy that has never answered. */
  readonly timeoutMinMs: number;
  /** Nobody is given more time than this before another is asked. */
  readonly timeoutMaxMs: number;
}

/** Of an answer that took longer than 95 in 100 do, another copy may know better. */
const patientShare = 0.95;
/** How much of the way to it the estimate goes at each answer, as a share of itself. */
const patienceStep = 0.2;
/** Timers are no finer, and who answers within that was quick. */
const patienceLeastMs = 1;

/** What is known of one member as a source of answers. */
interface Source {
  /** Of its answers, of late, or how long it kept one waiting; 0 before there was either. */
  meanMs: number;
  /** Null before its first answer. */
  patienceMs: number | null;
  /** Grows with each question to anybody. */
  lastAsked: number;
  heardAtMs: number;
}

/**
 * Which of the copies that could answer is asked: of those that are about as quick as the quickest the one that was
 * asked last. Questions of one moment thus go to few members and travel together, and whoever is asked is awake; since
 * every reader has its own favourites, members share the work all the same. Copies of whom nothing is known are taken
 * for quick, so each is tried.
 */
export class Sources {
  readonly #options: SourceOptions;
  readonly #sources = new Map<Key, Source>();
  #asked = 0;

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  /** One of the copies; null when there are none. */
  choose(copies: readonly Contact[], nowMs: number): Contact | null {
    let leastMs = Number.POSITIVE_INFINITY;
    for (const { id } of copies) leastMs = Math.min(leastMs, this.#expectedMs(id, nowMs));
    const longestMs = 2 * leastMs + this.#options.sourceSlackMs;
    let choice: Contact | null = null;
    let lastAsked = -1;
    for (const copy of copies) {
      const asked = this.#sources.get(copy.id)?.lastAsked ?? 0;
      if (asked <= lastAsked || this.#expectedMs(copy.id, nowMs) > longestMs) continue;
      choice = copy;
      lastAsked = asked;
    }
    return choice;
  }

  /** What all but one in twenty answers take at most. */
  patienceMs(id: Key): number {
    return this.#source(id).patienceMs ?? this.#options.timeoutMinMs;
  }

  /** What hardly any answer takes: as it seems there will be none. */
  overdueMs(id: Key): number {
    const { timeoutMinMs, timeoutMaxMs } = this.#options;
    return Math.min(Math.max(timeoutMinMs, 2 * (this.#source(id).patienceMs ?? 0)), timeoutMaxMs);
  }

  asked(id: Key): void {
    this.#asked += 1;
    this.#source(id).lastAsked = this.#asked;
  }

  /** There is no answer after so long: it is as slow as that, at least, and no favourite. */
  keptWaiting(id: Key, elapsedMs: number, nowMs: number): void {
    const source = this.#source(id);
    source.lastAsked = 0;
    source.meanMs = Math.max(source.meanMs, elapsedMs);
    source.heardAtMs = nowMs;
  }

  /** It answered quickly or slowly, but has not what others may have: no favourite any more. */
  hadNothing(id: Key): void {
    this.#source(id).lastAsked = 0;
  }

  /** What it said is worth no more than silence. */
  failed(id: Key, elapsedMs: number, nowMs: number): void {
    this.keptWaiting(id, Math.max(elapsedMs, this.#options.timeoutMinMs), nowMs);
  }

  /** @see Ma, Muthukrishnan and Sandler, "Frugal Streaming for Estimating Quantiles", 2013: of which this is a variant */
  answered(id: Key, elapsedMs: number, nowMs: number): void {
    const source = this.#source(id);
    if (source.patienceMs === null || !this.#isFresh(source, nowMs)) source.meanMs = elapsedMs;
    else source.meanMs += (elapsedMs - source.meanMs) / 8;
    source.heardAtMs = nowMs;
    const patienceMs =
      source.patienceMs === null
        ? 2 * elapsedMs
        : source.patienceMs * (1 + patienceStep * (elapsedMs > source.patienceMs ? patientShare : patientShare - 1));
    source.patienceMs = Math.min(Math.max(patienceMs, patienceLeastMs), this.#options.timeoutMaxMs);
  }

  #expectedMs(id: Key, nowMs: number): number {
    const source = this.#sources.get(id);
    return source && this.#isFresh(source, nowMs) ? source.meanMs : 0;
  }

  #isFresh({ heardAtMs }: Source, nowMs: number): boolean {
    return nowMs - heardAtMs <= this.#options.sourceFreshMs;
  }

  #source(id: Key): Source {
    const known = this.#sources.get(id);
    if (known) return known;
    // Too many to tell who is still asked; it is soon learnt anew.
    if (this.#sources.size >= this.#options.sourcesMax) this.#sources.clear();
    const source = { meanMs: 0, patienceMs: null, lastAsked: 0, heardAtMs: Number.NEGATIVE_INFINITY };
    this.#sources.set(id, source);
    return source;
  }
}
