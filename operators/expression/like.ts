import { QueryError } from '../../columnar/index.ts';

type Matcher = (text: string) => boolean;

/** One step of a pattern: a literal character, `_` or `%`. */
type Step =
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'any' };

function parsePattern(pattern: string): Step[] {
  const steps: Step[] = [];
  let escaped = false;
  for (const character of pattern) {
    if (escaped) {
      steps.push({ kind: 'character', character });
      escaped = false;
    } else if (character === '\\') escaped = true;
    else if (character === '_') steps.push({ kind: 'one' });
    else if (character === '%') {
      if (steps.at(-1)?.kind !== 'any') steps.push({ kind: 'any' });
    } else steps.push({ kind: 'character', character });
  }
  if (escaped) throw new QueryError('invalidParameter', 'LIKE pattern must not end with escape character');
  return steps;
}

/** A LIKE pattern made ready: `%` is any run of characters, `_` any one, backslash escapes. */
export function likeMatcher(pattern: string): Matcher {
  const steps = parsePattern(pattern);
  const literal = (part: readonly Step[]): string | null =>
    part.every((step) => step.kind === 'character') ? part.map((step) => step.character).join('') : null;
  const startsAny = steps[0]?.kind === 'any';
  const endsAny = steps.at(-1)?.kind === 'any';
  const middle = literal(steps.slice(startsAny ? 1 : 0, endsAny && steps.length > 1 ? -1 : undefined));
  if (middle === null) return (text) => matchSteps(steps, text);
  if (startsAny && endsAny) return (text) => text.includes(middle);
  if (startsAny) return (text) => text.endsWith(middle);
  if (endsAny) return (text) => text.startsWith(middle);
  return (text) => text === middle;
}

/**
 * The greedy matcher that goes back only to the latest `%`: at most pattern times text steps, where a
 * regular expression could take exponential time.
 */
function matchSteps(steps: readonly Step[], text: string): boolean {
  let step = 0;
  let at = 0;
  let retryStep = -1;
  let retryAt = 0;
  while (at < text.length) {
    const current = steps[step];
    if (current?.kind === 'any') {
      retryStep = ++step;
      retryAt = at;
      continue;
    }
    const width = (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
    if (current !== undefined && (current.kind === 'one' || text.startsWith(current.character, at))) {
      step++;
      at += width;
    } else if (retryStep >= 0) {
      retryAt += (text.codePointAt(retryAt) as number) > 0xffff ? 2 : 1;
      at = retryAt;
      step = retryStep;
    } else return false;
  }
  while (steps[step]?.kind === 'any') step++;
  return step === steps.length;
}

export function ilikeMatcher(pattern: string): Matcher {
  const matches = likeMatcher(pattern.toLowerCase());
  return (text) => matches(text.toLowerCase());
}

/** For patterns that are not known beforehand; neighbouring rows mostly share one. */
export function rememberingMatcher(matcher: (pattern: string) => Matcher): (text: string, pattern: string) => boolean {
  let latest: { readonly pattern: string; readonly matches: Matcher } | null = null;
  return (text, pattern) => {
    if (latest?.pattern !== pattern) latest = { pattern, matches: matcher(pattern) };
    return latest.matches(text);
  };
}
