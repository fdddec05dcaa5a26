import { inputsOf } from './nodes.ts';
import type { Exchange, OpGraph, PlanNode } from './plan.ts';

/**
 * Gives every exchange the wave in which its producer last emits.
 *
 * - Scans and literal rows emit in wave 0; what blocks on them alone flushes when they end, in the same wave.
 * - What streams (filter, project, union, inner join) emits as long as its inputs do.
 * - What blocks (aggregate, topK, left join) on exchanges flushes in the wave after all of these are over;
 *   blocking operators on top of each other flush together.
 * - A tree flushes once its node's producer is done. A producer that streams from exchanges is done only when
 *   their wave is over, so the tree needs one wave more.
 *
 * @param opgraphs in topological order; the waves of their exchanges are ignored
 */
export function assignWaves(opgraphs: readonly OpGraph[]): OpGraph[] {
  const waves = new Map<number, number>();
  return opgraphs.map((opgraph) => {
    const { root, output } = opgraph;
    if (output === null) return opgraph;
    const emits = lastEmission(root, waves);
    const waits = output.kind === 'tree' && emits === lastReception(root, waves);
    const wave = waits ? emits + 1 : emits;
    waves.set(output.id, wave);
    return { ...opgraph, output: { ...output, wave } };
  });
}

export function countWaves(opgraphs: readonly OpGraph[]): number {
  const exchanges = opgraphs.flatMap(({ output }): readonly Exchange[] => (output === null ? [] : [output]));
  return 1 + Math.max(0, ...exchanges.map(({ wave }) => wave));
}

/** The last wave in which `node` emits rows. */
function lastEmission(node: PlanNode, waves: ReadonlyMap<number, number>): number {
  if (node.kind === 'receive') return waves.get(node.exchange) ?? 0;
  if (isBlocking(node)) {
    const received = lastReception(node, waves);
    return received === null ? 0 : received + 1;
  }
  return Math.max(0, ...inputsOf(node).map((input) => lastEmission(input, waves)));
}

/** The wave after which `node` has received everything; `null` when it reads no exchange. */
function lastReception(node: PlanNode, waves: ReadonlyMap<number, number>): number | null {
  if (node.kind === 'receive') return waves.get(node.exchange) ?? 0;
  let last: number | null = null;
  for (const input of inputsOf(node)) {
    const wave = lastReception(input, waves);
    if (wave !== null) last = Math.max(last ?? 0, wave);
  }
  return last;
}

/** A left join streams its matches, but rows without a match only come out at the end. */
export function isBlocking(node: PlanNode): boolean {
  return node.kind === 'aggregate' || node.kind === 'topK' || (node.kind === 'join' && node.type === 'left');
}
