import type { Coverage } from '../engine/index.ts';

/** One line for people: `complete, 8 of 8 nodes`, or `partial, 7 of 8 nodes: …` with every reason. */
export function describeCoverage(coverage: Coverage): string {
  const nodes = `${coverage.nodesAnswered} of ${coverage.nodesReached} nodes`;
  if (coverage.complete) return `complete, ${nodes}`;
  const reasons = coverage.reasons.length > 0 ? coverage.reasons.join('; ') : 'parts of the answer were lost';
  return `partial, ${nodes}: ${reasons}`;
}
