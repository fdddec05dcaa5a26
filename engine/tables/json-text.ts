/** A nested value as JSON text; NULL for null and undefined. Integers beyond 2^53 are written in full. */
export function jsonText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return Number.isSafeInteger(Number(part)) ? Number(part) : part.toString();
    if (part instanceof Uint8Array) return `\\x${Buffer.from(part).toString('hex')}`;
    return part;
  });
}
