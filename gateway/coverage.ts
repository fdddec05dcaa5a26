import type { Coverage } from '../engine/index.ts';

/** A line that names every lost node of a large fleet helps nobody; JSON output has all reasons. */
const reasonsShownMax = 5;

/** Nodes that should have answered: those that the query was sent to, and members that are missing. */
export function nodesConcerned({ nodesAnswered, nodesReached, missing }: Coverage): number {
  return Math.max(nodesAnswered, nodesReached + missing.length);
}

/** One line for people: `complete, 8 of 8 nodes`, or `partial, 7 of 8 nodes: …` with the reasons. */
export function describeCoverage(coverage: Coverage): string {
  const concerned = nodesConcerned(coverage);
  const nodes = `${coverage.nodesAnswered} of ${concerned} ${concerned === 1 ? 'node' : 'nodes'}`;
  if (coverage.complete) return `complete, ${nodes}`;
  const reasons = reasonsShown(coverage);
  const more = reasons.length > reasonsShownMax ? [`and ${reasons.length - reasonsShownMax} more`] : [];
  const shown = [...reasons.slice(0, reasonsShownMax), ...more].join('; ');
  return `partial, ${nodes}: ${shown === '' ? 'parts of the answer were lost' : shown}`;
}

/** Of a member that is gone, the first reason says enough: later ones are what followed from it. */
function reasonsShown({ reasons, missing }: Coverage): readonly string[] {
  const gone = new Set(missing.map(({ address }) => address));
  const told = new Set<string>();
  return reasons.filter((reason) => {
    const [, address = ''] = /^node (\S+) /.exec(reason) ?? [];
    if (!gone.has(address)) return true;
    const isFirst = !told.has(address);
    told.add(address);
    return isFirst;
  });
}
