import type { Logical } from './logical.ts';
import { foldPlan } from './rewrite-fold.ts';
import { mergeProjections } from './rewrite-merge.ts';
import { pruneColumns } from './rewrite-prune.ts';
import { pushPredicates } from './rewrite-push.ts';

/** Makes a plan cheaper without changing its rows or its schema. */
export function rewrite(plan: Logical): Logical {
  // Pushing a condition through a projection substitutes expressions, which may then fold further.
  const placed = foldPlan(pushPredicates(foldPlan(plan)));
  return mergeProjections(pruneColumns(placed));
}
