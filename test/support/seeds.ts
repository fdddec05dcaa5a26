/** The seeds to run: `SEEDS=1..50` (or one number) in the environment, or else those that CI takes the time for. */
export function seedsOr(range: string): readonly number[] {
  const [first = 1, last = first] = (process.env['SEEDS'] ?? range).split('..').map(Number);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
