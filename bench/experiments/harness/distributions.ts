/** Uniform in [0, 1). */
type Random = () => number;

/** A waiting time without memory, as the sessions of Bamboo's study have, from its median. */
export function exponential(random: Random, median: number): number {
  return (-Math.log(1 - random()) * median) / Math.LN2;
}

/** One of a list that is not empty. */
export function anyOf<T>(random: Random, list: readonly T[]): T {
  if (list.length === 0) throw new RangeError('nothing to choose from');
  return list[Math.floor(random() * list.length)] as T;
}

/** `count` different ones of a list, in the order they were drawn; all of them when there are no more. */
export function sample<T>(random: Random, list: readonly T[], count: number): T[] {
  const left = [...list];
  const drawn = Math.min(count, left.length);
  for (let i = 0; i < drawn; i++) {
    const j = i + Math.floor(random() * (left.length - i));
    [left[i], left[j]] = [left[j] as T, left[i] as T];
  }
  return left.slice(0, drawn);
}

/** A part of a list, drawn by chance; one of it at least stays. @param fraction 0 to 1 */
export function partOf<T>(random: Random, list: readonly T[], fraction: number): T[] {
  return sample(random, list, Math.min(Math.round(fraction * list.length), list.length - 1));
}
