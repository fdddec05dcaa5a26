/**
 * The candidate closest to `wrong`, if it is close enough to be a slip of the finger.
 *
 * @returns `null` when nothing is within a third of the word's length (at least one edit)
 */
export function closest(wrong: string, candidates: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(wrong.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wrong, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** A hint for an unknown name, or `undefined`. */
export function didYouMean(wrong: string, candidates: Iterable<string>): string | undefined {
  const best = closest(wrong, candidates);
  return best === null ? undefined : `Did you mean "${best}"?`;
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
 * @see Damerau-Levenshtein, optimal string alignment
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(substitution, at(last, j) + 1, at(row, j - 1) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, at(beforeLast, j - 2) + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] as number;
}
