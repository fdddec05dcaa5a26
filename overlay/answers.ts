import type { ReplyMessage } from './messages.ts';
import type { Key } from './overlay.ts';

export interface AnswersOptions {
  readonly answersRememberedMs: number;
  readonly answersMax: number;
  readonly answersBytesMax: number;
}

/** One request of one life of a node. */
export interface RequestName {
  readonly asker: Key;
  readonly incarnation: number;
  readonly request: number;
}

interface Given {
  readonly name: RequestName;
  readonly bytes: number;
  readonly atMs: number;
}

/** Requests of one life of a node; null while they are in work. */
type Life = Map<number, ReplyMessage | null>;

/** The queue drops what it has passed when there is this much of it. */
const passedMax = 1_024;

/** Requests in work, and the answers that were given of late: what tells a repetition from something new. */
export class Answers {
  readonly #options: AnswersOptions;
  readonly #lives = new Map<Key, Map<number, Life>>();
  /** Oldest first. A queue of its own: to find the oldest of a Map takes a walk over what was deleted before it. */
  #given: Given[] = [];
  #passed = 0;
  #bytes = 0;
  #inWork = 0;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  /** Requests begun and not answered. */
  get inWork(): number {
    return this.#inWork;
  }

  /** Answers that are remembered. */
  get remembered(): number {
    return this.#given.length - this.#passed;
  }

  /** The answer that was given; null while the request is in work; undefined for one that is new. */
  find({ asker, incarnation, request }: RequestName): ReplyMessage | null | undefined {
    return this.#lives.get(asker)?.get(incarnation)?.get(request);
  }

  /** A new request is worked on. */
  begin({ asker, incarnation, request }: RequestName): void {
    let lives = this.#lives.get(asker);
    if (!lives) {
      lives = new Map();
      this.#lives.set(asker, lives);
    }
    let life = lives.get(incarnation);
    if (!life) {
      life = new Map();
      lives.set(incarnation, life);
    }
    life.set(request, null);
    this.#inWork += 1;
  }

  /** A request that was begun will not be answered. */
  abandon(name: RequestName): void {
    this.#inWork -= 1;
    this.#forget(name);
  }

  /** A request that was begun is answered. */
  give(name: RequestName, message: ReplyMessage, nowMs: number): void {
    this.#inWork -= 1;
    this.#lives.get(name.asker)?.get(name.incarnation)?.set(name.request, message);
    const bytes = message.payload.length;
    this.#given.push({ name, bytes, atMs: nowMs });
    this.#bytes += bytes;
    const { answersMax, answersBytesMax, answersRememberedMs } = this.#options;
    for (let oldest = this.#given[this.#passed]; oldest; oldest = this.#given[this.#passed]) {
      const isOver = this.remembered > answersMax || this.#bytes > answersBytesMax;
      if (!isOver && nowMs - oldest.atMs <= answersRememberedMs) break;
      this.#forget(oldest.name);
      this.#bytes -= oldest.bytes;
      this.#passed += 1;
    }
    if (this.#passed < passedMax) return;
    this.#given = this.#given.slice(this.#passed);
    this.#passed = 0;
  }

  #forget({ asker, incarnation, request }: RequestName): void {
    const lives = this.#lives.get(asker);
    const life = lives?.get(incarnation);
    life?.delete(request);
    if (life?.size === 0) lives?.delete(incarnation);
    if (lives?.size === 0) this.#lives.delete(asker);
  }
}
