import type { Contact, Key, OverlayOptions } from '../../../overlay/index.ts';
import { keyAt, keyBits, lowerBound, pointOf } from '../../../overlay/keys.ts';

/** Members of each distance that are offered whatever the budget: enough for each slot of a table at that distance. */
const eachDistanceMin = 24;
/** So few at one distance are all known: in Kademlia the leaf set is made of them. */
const distanceWholeMax = 64;

/**
 * Whom a node that has long been there has heard of: the members around it, and equally many at each distance from it,
 * up to the budget, as its table would have kept them. Of a few more than it keeps its own table chooses.
 * @param ring all members, in ring order
 * @param place the index of the node among them
 */
export function acquaintances(
  ring: readonly Contact[],
  place: number,
  { geometry, leafSetSize, contactsMax }: Pick<OverlayOptions, 'geometry' | 'leafSetSize' | 'contactsMax'>,
  random: () => number,
): Contact[] {
  const { length } = ring;
  const places = new Set<number>();
  for (let step = 1; step <= Math.min(leafSetSize, length - 1); step++) {
    places.add((place + step) % length).add((place - step + length) % length);
  }
  const distances = geometry === 'chord' ? byStepsAhead(ring, place) : byPrefix(ring, place);
  const each = Math.max(eachDistanceMin, evenShare(distances, contactsMax));
  for (const range of distances) {
    const isWhole = range.end - range.first <= distanceWholeMax;
    for (const at of spread(range, isWhole ? distanceWholeMax : each, random)) places.add(at % length);
  }
  places.delete(place);
  return [...places].map((at) => ring[at] as Contact);
}

/** A run of indices, which may go on past the end of the ring. */
interface Range {
  readonly first: number;
  readonly end: number;
}

/** The other members by the power of two of key space within which they stand ahead of one of them, farthest first. */
function byStepsAhead(ring: readonly Contact[], place: number): Range[] {
  const { length } = ring;
  const origin = pointOf((ring[place] as Contact).id);
  const distances: Range[] = [];
  for (let [bit, end] = [keyBits - 1, place + length]; end > place + 1; bit--) {
    const at = lowerBound(ring, keyAt(origin + (1n << BigInt(bit))), (contact) => contact.id);
    const first = Math.min(end, at > place ? at : at + length);
    distances.push({ first, end });
    end = first;
  }
  return distances;
}

/** The other members by how many leading bits they share with one of them, from none on. */
function byPrefix(ring: readonly Contact[], place: number): Range[] {
  const { id } = ring[place] as Contact;
  const distances: Range[] = [];
  let [first, end] = [0, ring.length];
  for (let bits = 0; end - first > 1; bits++) {
    const middle = lowerBound(ring, upperHalf(id, bits), (contact) => contact.id);
    const isUpper = place >= middle;
    distances.push(isUpper ? { first, end: middle } : { first: middle, end });
    if (isUpper) first = middle;
    else end = middle;
  }
  return distances;
}

/** First key of the upper half of those that share `bits` leading bits with the id. */
function upperHalf(id: Key, bits: number): Key {
  const digit = bits >>> 2;
  const bit = 8 >>> (bits & 3);
  const value = (Number.parseInt(id.charAt(digit), 16) & -bit) | bit;
  return (id.slice(0, digit) + value.toString(16)).padEnd(id.length, '0');
}

/** How many of each range make up the budget or a little more, when ranges that have fewer give all. */
function evenShare(ranges: readonly Range[], budget: number): number {
  const sizes = ranges.map(({ first, end }) => end - first).sort((a, b) => a - b);
  let left = budget;
  for (const [i, size] of sizes.entries()) {
    const share = Math.ceil(left / (sizes.length - i));
    if (share < size) return share;
    left -= size;
  }
  return Math.max(0, ...sizes);
}

/** Indices of a range, at most `count`, evenly apart. */
function* spread({ first, end }: Range, count: number, random: () => number): Generator<number> {
  const stride = Math.max(1, (end - first) / count);
  const phase = stride > 1 ? random() * stride : 0;
  for (let i = 0; ; i++) {
    const at = first + Math.floor(phase + i * stride);
    if (at >= end) return;
    yield at;
  }
}
