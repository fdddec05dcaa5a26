/** Of no values it is `NaN`: there is nothing to say. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The least value that at least `share` of all values do not exceed (nearest rank); `NaN` of no values.
 * @param share 0 to 1
 */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[Math.min(rank, sorted.length) - 1] as number;
}

/**
 * How many of simultaneous answers to one question agree with more than half of those asked; 0 when no answer has
 * such a majority. `null` is an answer that never came: it agrees with nobody.
 * @see Rhea et al., "Handling Churn in a DHT", 2004, section 3: consistent lookups
 */
export function agreeingWithMajority(answers: readonly (string | null)[]): number {
  const votes = new Map<string, number>();
  for (const answer of answers) if (answer !== null) votes.set(answer, (votes.get(answer) ?? 0) + 1);
  const most = Math.max(0, ...votes.values());
  return most > answers.length / 2 ? most : 0;
}

/** `part` of `whole`, 0 to 1; `NaN` when there was nothing to take part of. */
export function share(part: number, whole: number): number {
  return whole === 0 ? Number.NaN : part / whole;
}
