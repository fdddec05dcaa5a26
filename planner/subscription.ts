import { type Interval, intervalToMs, parseValue, types } from '../columnar/index.ts';
import type { Span, Subscribe } from '../parser/index.ts';
import { bindQuery } from './bind-query.ts';
import type { Tables } from './catalog.ts';
import type { PlanContext } from './context.ts';
import { fail, located } from './fail.ts';
import { inputsOf, type Logical } from './logical.ts';
import { physicalPlan } from './physical.ts';
import type { PhysicalPlan } from './plan.ts';
import { rewrite } from './rewrite.ts';

export interface SubscriptionPlan {
  /** Two opgraphs: partial aggregates at the sources, up the tree, finished at the proxy. */
  readonly plan: PhysicalPlan;
  /** Milliseconds from one answer to the next. */
  readonly everyMs: number;
  /** Milliseconds until the subscription ends by itself; `null`: never. */
  readonly forMs: number | null;
}

const everyMsMin = 100;
const everyMsMax = 86_400_000;

/** @throws QueryError unsupported for anything but an aggregate over tables; invalidParameter for the intervals */
export function planSubscription(subscribe: Subscribe, tables: Tables, context: PlanContext): SubscriptionPlan {
  const { query, every, duration } = subscribe;
  const everyMs = milliseconds(every.text, every.span);
  if (everyMs < everyMsMin || everyMs > everyMsMax) {
    fail('invalidParameter', `EVERY must lie between ${everyMsMin} ms and 1 day, not at ${everyMs} ms`, every.span);
  }
  const forMs = duration === null ? null : milliseconds(duration.text, duration.span);
  if (duration !== null && forMs !== null && forMs < everyMs) {
    fail('invalidParameter', 'FOR must not be shorter than EVERY', duration.span);
  }
  const logical = rewrite(bindQuery(query, tables, context).plan);
  requireSubscribable(logical, query.span);
  return { plan: physicalPlan(logical, 'tree'), everyMs, forMs };
}

function milliseconds(text: string, span: Span): number {
  const interval = located(span, () => parseValue(types.interval, text)) as Interval;
  if (interval.months !== 0) fail('invalidParameter', 'an interval in months has no fixed length', span, 'Use days.');
  const ms = intervalToMs(interval);
  return ms > 0 ? ms : fail('invalidParameter', `interval must be longer than nothing, not "${text}"`, span);
}

function requireSubscribable(plan: Logical, span: Span): void {
  const what = obstacle(plan);
  if (what === null) return;
  const hint = what === noAggregate ? 'Aggregate with count, sum, avg, min, max or GROUP BY.' : undefined;
  fail('unsupported', `cannot subscribe to ${what}`, span, hint);
}

const noAggregate = 'a query without an aggregate';

/** What keeps a query from being subscribed to. Above its one aggregate everything runs at the proxy. */
function obstacle(plan: Logical): string | null {
  switch (plan.kind) {
    case 'filter':
    case 'project':
    case 'topK':
      return obstacle(plan.input);
    case 'aggregate':
      return sourceObstacle(plan.input);
    case 'join':
      return 'a join';
    case 'union':
      return 'a UNION of aggregates';
    case 'scan':
    case 'values':
      return noAggregate;
  }
}

/** Below its aggregate everything runs at the sources. */
function sourceObstacle(plan: Logical): string | null {
  switch (plan.kind) {
    case 'scan':
      return null;
    case 'filter':
    case 'project':
    case 'union':
      return (
        inputsOf(plan)
          .map(sourceObstacle)
          .find((what) => what !== null) ?? null
      );
    case 'join':
      return 'a join';
    case 'aggregate':
      return 'an aggregate of an aggregate';
    case 'topK':
      return 'an aggregate of a LIMIT';
    case 'values':
      return 'a query without a table';
  }
}
