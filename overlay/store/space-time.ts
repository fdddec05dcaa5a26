import { strict as assert } from 'node:assert';

/** Bytes that are let go at one moment, and what must be known of those in the subtree below. */
interface Inflection {
  readonly atMs: number;
  readonly priority: number;
  bytes: number;
  left: Inflection | null;
  right: Inflection | null;
  /** Bytes in the subtree. */
  sum: number;
  /** The most, over the moments of the subtree, of the bytes it still has just before and the reserve until then. */
  worst: number;
}

/** Less than this many bytes too much come from rounding. */
const toleranceBytes = 1e-3;

/**
 * Storage over time: what is stored, when it expires, and what must be left free so that puts can always be accepted
 * at a minimum rate. `x` bytes for `l` milliseconds fit if at no time until then what is still stored, the reserve
 * of the minimum rate until that time, and `x` exceed the capacity.
 *
 * What is stored only changes at inflections, just before which the sum is largest; they are kept in a treap, so that
 * everything takes logarithmic time. Pure; times may not go backwards.
 * @see Rhea et al., "OpenDHT", SIGCOMM 2005, section 4.1
 */
export class SpaceTime {
  readonly #capacityBytes: number;
  readonly #rate: number;
  #root: Inflection | null = null;
  #nowMs = Number.NEGATIVE_INFINITY;
  #created = 0;

  /** @param bytesPerMsMin the rate at which puts can always be accepted */
  constructor(capacityBytes: number, bytesPerMsMin: number) {
    this.#capacityBytes = capacityBytes;
    this.#rate = bytesPerMsMin;
  }

  /** Bytes that have not expired by the latest time told. */
  get storedBytes(): number {
    return this.#root?.sum ?? 0;
  }

  /** Forgets what has expired. */
  advance(nowMs: number): void {
    if (nowMs <= this.#nowMs) return;
    this.#nowMs = nowMs;
    this.#root = split(this.#root, nowMs, this.#rate)[1];
  }

  /** Whether or not it fits. */
  add(bytes: number, expiresAtMs: number): void {
    this.#change(bytes, expiresAtMs);
  }

  /** Takes back what was added, unless it has expired already. */
  remove(bytes: number, expiresAtMs: number): void {
    this.#change(-bytes, expiresAtMs);
  }

  fits(bytes: number, lifetimeMs: number, nowMs: number): boolean {
    return this.fitsAtMs(bytes, lifetimeMs, nowMs) <= nowMs;
  }

  /** The earliest time, now or later, at which it fits if nothing else comes or goes; infinite if it never does. */
  fitsAtMs(bytes: number, lifetimeMs: number, nowMs: number): number {
    const roomBytes = this.#capacityBytes - bytes;
    if (this.#rate * lifetimeMs > roomBytes + toleranceBytes) return Number.POSITIVE_INFINITY;
    for (let atMs = nowMs; ; ) {
      const endMs = atMs + lifetimeMs;
      let nextMs = atMs;
      const excess = worstWithin(this.#root, atMs, endMs, this.#rate, 0) - this.#rate * atMs - roomBytes;
      // The worst moment comes nearer, so that less has to be kept free until then, or passes.
      if (excess > toleranceBytes) nextMs = Math.min(atMs + excess / this.#rate, nextAfter(this.#root, atMs));
      const atEnd = bytesAfter(this.#root, endMs) + this.#rate * lifetimeMs;
      if (atEnd > roomBytes + toleranceBytes) nextMs = Math.max(nextMs, nextAfter(this.#root, endMs) - lifetimeMs);
      if (nextMs <= atMs) return atMs;
      atMs = nextMs;
    }
  }

  checkInvariants(): void {
    const check = (node: Inflection | null, fromMs: number, toMs: number): void => {
      if (!node) return;
      assert(node.atMs > fromMs && node.atMs < toMs && node.bytes > 0, 'moments ascend, and something expires at each');
      assert((node.left?.priority ?? 0) <= node.priority && (node.right?.priority ?? 0) <= node.priority, 'a heap');
      check(node.left, fromMs, node.atMs);
      check(node.right, node.atMs, toMs);
    };
    check(this.#root, this.#nowMs, Number.POSITIVE_INFINITY);
  }

  #change(bytes: number, expiresAtMs: number): void {
    if (expiresAtMs <= this.#nowMs || bytes === 0) return;
    const [before, rest] = split(this.#root, expiresAtMs, this.#rate, false);
    const [same, after] = split(rest, expiresAtMs, this.#rate);
    const inflection = same ?? this.#inflection(expiresAtMs);
    inflection.bytes += bytes;
    assert(inflection.bytes >= 0, 'only what was added is removed');
    const changed = inflection.bytes > 0 ? update(inflection, this.#rate) : null;
    this.#root = merge(merge(before, changed, this.#rate), after, this.#rate);
  }

  #inflection(atMs: number): Inflection {
    this.#created += 1;
    // Scattered, so that the tree is balanced whatever the order of additions.
    const priority = Math.imul(this.#created, 0x9e3779b1) >>> 0;
    return { atMs, priority, bytes: 0, left: null, right: null, sum: 0, worst: 0 };
  }
}

function update(node: Inflection, rate: number): Inflection {
  const { left, right, bytes, atMs } = node;
  const fromHere = bytes + (right?.sum ?? 0);
  node.sum = fromHere + (left?.sum ?? 0);
  node.worst = Math.max(fromHere + rate * atMs, right?.worst ?? 0, left ? left.worst + fromHere : 0);
  return node;
}

/** Those before a moment (with it, if `inclusive`) and the others. */
function split(
  node: Inflection | null,
  atMs: number,
  rate: number,
  inclusive = true,
): [Inflection | null, Inflection | null] {
  if (!node) return [null, null];
  if (inclusive ? node.atMs <= atMs : node.atMs < atMs) {
    const [left, right] = split(node.right, atMs, rate, inclusive);
    node.right = left;
    return [update(node, rate), right];
  }
  const [left, right] = split(node.left, atMs, rate, inclusive);
  node.left = right;
  return [left, update(node, rate)];
}

/** All of `left` come before all of `right`. */
function merge(left: Inflection | null, right: Inflection | null, rate: number): Inflection | null {
  if (!left || !right) return left ?? right;
  if (left.priority > right.priority) {
    left.right = merge(left.right, right, rate);
    return update(left, rate);
  }
  right.left = merge(left, right.left, rate);
  return update(right, rate);
}

/** `worst` over the moments in (fromMs, toMs]; `after` are the bytes of later ones than the subtree's. */
function worstWithin(node: Inflection | null, fromMs: number, toMs: number, rate: number, after: number): number {
  if (!node) return Number.NEGATIVE_INFINITY;
  const fromHere = after + (node.right?.sum ?? 0) + node.bytes;
  if (node.atMs > toMs) return worstWithin(node.left, fromMs, toMs, rate, fromHere);
  if (node.atMs <= fromMs) return worstWithin(node.right, fromMs, toMs, rate, after);
  return Math.max(
    fromHere + rate * node.atMs,
    worstAfter(node.left, fromMs, rate, fromHere),
    worstUntil(node.right, toMs, rate, after),
  );
}

function worstAfter(node: Inflection | null, fromMs: number, rate: number, after: number): number {
  if (!node) return Number.NEGATIVE_INFINITY;
  if (node.atMs <= fromMs) return worstAfter(node.right, fromMs, rate, after);
  const fromHere = after + (node.right?.sum ?? 0) + node.bytes;
  const right = node.right ? node.right.worst + after : Number.NEGATIVE_INFINITY;
  return Math.max(fromHere + rate * node.atMs, right, worstAfter(node.left, fromMs, rate, fromHere));
}

function worstUntil(node: Inflection | null, toMs: number, rate: number, after: number): number {
  if (!node) return Number.NEGATIVE_INFINITY;
  const fromHere = after + (node.right?.sum ?? 0) + node.bytes;
  if (node.atMs > toMs) return worstUntil(node.left, toMs, rate, fromHere);
  const left = node.left ? node.left.worst + fromHere : Number.NEGATIVE_INFINITY;
  return Math.max(fromHere + rate * node.atMs, left, worstUntil(node.right, toMs, rate, after));
}

function bytesAfter(node: Inflection | null, atMs: number): number {
  if (!node) return 0;
  if (node.atMs <= atMs) return bytesAfter(node.right, atMs);
  return node.bytes + (node.right?.sum ?? 0) + bytesAfter(node.left, atMs);
}

function nextAfter(node: Inflection | null, atMs: number): number {
  if (!node) return Number.POSITIVE_INFINITY;
  return node.atMs <= atMs ? nextAfter(node.right, atMs) : Math.min(node.atMs, nextAfter(node.left, atMs));
}
