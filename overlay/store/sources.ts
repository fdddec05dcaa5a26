import type { Contact, Key } from '../overlay.ts';
import { RoundTrip, type RoundTripOptions } from '../round-trip.ts';

export interface SourceOptions {
  readonly sourceSlackMs: number;
  readonly sourceFreshMs: number;
  readonly sourcesMax: number;
}

/** What is known of one member as a source of answers. */
interface Source {
  readonly roundTrip: RoundTrip;
  /** Grows with each question to anybody. */
  lastAsked: number;
  answeredAtMs: number;
}

/**
 * Which of the copies that could answer is asked: of those that are about as quick as the quickest the one that was
 * asked last. Questions of one moment thus go to few members and travel together, and whoever is asked is awake; since
 * every reader has its own favourites, members share the work all the same. Copies of whom nothing is known are taken
 * for quick, so each is tried.
 */
export class Sources {
  readonly #options: SourceOptions;
  readonly #roundTrips: RoundTripOptions;
  readonly #sources = new Map<Key, Source>();
  #asked = 0;

  /** @param roundTrips what `patienceMs` may be, and is before there was an answer */
  constructor(options: SourceOptions, roundTrips: RoundTripOptions) {
    this.#options = options;
    this.#roundTrips = roundTrips;
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

  /** How long an answer usually takes at most: mean and four mean deviations. */
  patienceMs(id: Key): number {
    return this.#source(id).roundTrip.timeoutMs();
  }

  asked(id: Key): void {
    this.#asked += 1;
    this.#source(id).lastAsked = this.#asked;
  }

  /** Whoever keeps one waiting is no favourite: it may be in trouble. */
  late(id: Key): void {
    this.#source(id).lastAsked = 0;
  }

  answered(id: Key, elapsedMs: number, nowMs: number): void {
    const source = this.#source(id);
    source.roundTrip.sample(elapsedMs);
    source.answeredAtMs = nowMs;
  }

  #expectedMs(id: Key, nowMs: number): number {
    const source = this.#sources.get(id);
    const isFresh = source !== undefined && nowMs - source.answeredAtMs <= this.#options.sourceFreshMs;
    return isFresh ? (source.roundTrip.meanMs ?? 0) : 0;
  }

  #source(id: Key): Source {
    const known = this.#sources.get(id);
    if (known) return known;
    // Too many to tell who is still asked; it is soon learnt anew.
    if (this.#sources.size >= this.#options.sourcesMax) this.#sources.clear();
    const source = {
      roundTrip: new RoundTrip(this.#roundTrips),
      lastAsked: 0,
      answeredAtMs: Number.NEGATIVE_INFINITY,
    };
    this.#sources.set(id, source);
    return source;
  }
}
