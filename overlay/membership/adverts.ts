import type { Advert } from '../advert.ts';
import type { NumberedAdvert, PingMessage } from '../messages.ts';
import type { Contact, Key } from '../overlay.ts';

export interface AdvertsOutput {
  /** What this node tells of its copies at this moment; another object whenever that is something else. */
  current(): Advert;
  advertised(from: Contact, advert: Advert): void;
}

/** What has passed between this node and another. */
interface Exchange {
  /** The other's advert, as far as it came. */
  theirs: NumberedAdvert | null;
  /** Number of the own advert that the other says it has. */
  acknowledged: number;
  toldAtMs: number;
  heardAtMs: number;
}

/** What makes an advert a new one. */
type Told = Omit<Advert, 'retired'>;

const versionMax = 65_535;

/**
 * What neighbours tell each other of their copies: each advert once, numbered, and again until its number comes
 * back. Every ping says which advert of the receiver's its sender has.
 */
export class Adverts {
  readonly #output: AdvertsOutput;
  readonly #exchanges = new Map<Key, Exchange>();
  #version = 0;
  /** What was last looked at, and a copy of what it said then. */
  #seen: Advert | null = null;
  #current: Told | null = null;
  /** Neighbours all of whom know the present advert, for all that was heard since they were asked for. */
  #aware: readonly Contact[] | null = null;

  constructor(output: AdvertsOutput) {
    this.#output = output;
  }

  /**
   * Looks at the present advert; it gets a new number when it changed, but not for retired copies alone: they come
   * about when spare ones go, which is told, and nobody counts on those that were dropped.
   */
  refresh(): void {
    const now = this.#output.current();
    if (now === this.#seen) return;
    this.#seen = now;
    if (this.#current !== null && saysTheSame(now, this.#current)) return;
    const { held, spare, lossy, isVolatile } = now;
    this.#current = { held: held.clone(), spare: spare.clone(), lossy: lossy.clone(), isVolatile };
    this.#version = (this.#version % versionMax) + 1;
    this.#aware = null;
  }

  /** What a ping to this node says of adverts; `mayTell`: it may care for this node's. */
  compose(to: Key, mayTell: boolean, nowMs: number): Pick<PingMessage, 'seen' | 'advert'> {
    const exchange = this.#exchanges.get(to);
    const seen = exchange?.theirs?.version ?? 0;
    if (!mayTell || exchange?.acknowledged === this.#version) return { seen, advert: null };
    this.refresh();
    this.#exchange(to).toldAtMs = nowMs;
    return { seen, advert: { version: this.#version, advert: this.#output.current() } };
  }

  /** A ping or a pong came; `isNeighbour`: what this one says is remembered though it is not repeated. */
  received(from: Contact, message: PingMessage, isNeighbour: boolean, nowMs: number): void {
    const known = this.#exchanges.get(from.id);
    if (!known && !message.advert && message.seen === 0) return;
    const exchange = known ?? this.#exchange(from.id);
    exchange.heardAtMs = nowMs;
    exchange.acknowledged = message.seen;
    if (message.seen !== this.#version) this.#aware = null;
    if (message.advert) {
      exchange.theirs = message.advert;
      this.#output.advertised(from, message.advert.advert);
    } else if (exchange.theirs && !isNeighbour) this.#output.advertised(from, exchange.theirs.advert);
  }

  /** Those of some neighbours who do not know the present advert, and had `retryMs` to say that they do. */
  unaware(neighbours: readonly Contact[], retryMs: number, nowMs: number): readonly Contact[] {
    if (neighbours === this.#aware) return [];
    const unaware = neighbours.filter(({ id }) => this.#exchanges.get(id)?.acknowledged !== this.#version);
    if (unaware.length === 0) this.#aware = neighbours;
    return unaware.filter(
      ({ id }) => nowMs - (this.#exchanges.get(id)?.toldAtMs ?? Number.NEGATIVE_INFINITY) >= retryMs,
    );
  }

  /** It is dead, or lives anew. */
  forget(id: Key): void {
    this.#exchanges.delete(id);
    this.#aware = null;
  }

  forgetSilent(beforeMs: number, keep: (id: Key) => boolean): void {
    for (const [id, { heardAtMs }] of this.#exchanges) {
      if (heardAtMs < beforeMs && !keep(id)) this.forget(id);
    }
  }

  #exchange(id: Key): Exchange {
    let exchange = this.#exchanges.get(id);
    if (!exchange) {
      exchange = { theirs: null, acknowledged: 0, toldAtMs: Number.NEGATIVE_INFINITY, heardAtMs: 0 };
      this.#exchanges.set(id, exchange);
    }
    return exchange;
  }
}

function saysTheSame(a: Told, b: Told): boolean {
  if (a.isVolatile !== b.isVolatile) return false;
  return a.held.equals(b.held) && a.spare.equals(b.spare) && a.lossy.equals(b.lossy);
}
