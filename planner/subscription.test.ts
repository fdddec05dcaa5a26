import { describe, expect, test } from 'vitest';
import { planSubscription, type SubscriptionPlan } from './index.ts';
import { context, failure, statement, tables } from './test-tables.ts';

function subscribe(sql: string): SubscriptionPlan {
  const parsed = statement(sql);
  if (parsed.kind !== 'subscribe') throw new Error('no SUBSCRIBE');
  return planSubscription(parsed, tables, context);
}

test('partials climb the tree to the proxy, grouped or not', () => {
  for (const query of [
    'SELECT count(*) FROM flights',
    'SELECT origin, count(DISTINCT delay) AS n FROM flights GROUP BY origin HAVING count(*) > 1 ORDER BY n LIMIT 3',
    'SELECT DISTINCT origin FROM flights',
    'SELECT sum(x) FROM (SELECT delay AS x FROM flights UNION ALL SELECT distance FROM flights) s',
  ]) {
    const { plan, everyMs, forMs } = subscribe(`SUBSCRIBE (${query}) EVERY '1.5 seconds' FOR '1 minute'`);
    expect({ everyMs, forMs }).toEqual({ everyMs: 1_500, forMs: 60_000 });
    expect(plan.opgraphs.map(({ at, output }) => [at, output?.kind ?? null])).toEqual([
      ['sources', 'tree'],
      ['proxy', null],
    ]);
    expect(plan.waves).toBe(1);
  }
  expect(subscribe("SUBSCRIBE (SELECT count(*) FROM flights) EVERY '100 ms'")).toMatchObject({
    everyMs: 100,
    forMs: null,
  });
});

describe('errors', () => {
  test.each([
    ['SELECT delay FROM flights', '1 second', 'unsupported', 'cannot subscribe to a query without an aggregate'],
    ['SELECT count(*) FROM flights f, states s', '1 second', 'unsupported', 'cannot subscribe to a join'],
    ['SELECT 1', '1 second', 'unsupported', 'cannot subscribe to a query without an aggregate'],
    [
      'SELECT count(*) FROM (VALUES (1)) v(x)',
      '1 second',
      'unsupported',
      'cannot subscribe to a query without a table',
    ],
    [
      'SELECT max(n) FROM (SELECT count(*) AS n FROM flights) s',
      '1 second',
      'unsupported',
      'cannot subscribe to an aggregate of an aggregate',
    ],
    [
      'SELECT count(*) FROM (SELECT 1 FROM flights LIMIT 3) s',
      '1 second',
      'unsupported',
      'cannot subscribe to an aggregate of a LIMIT',
    ],
    [
      'SELECT count(*) FROM flights UNION ALL SELECT 1',
      '1 second',
      'unsupported',
      'cannot subscribe to a UNION of aggregates',
    ],
    [
      'SELECT count(*) FROM flights',
      '99 ms',
      'invalidParameter',
      'EVERY must lie between 100 ms and 1 day, not at 99 ms',
    ],
    [
      'SELECT count(*) FROM flights',
      '25 hours',
      'invalidParameter',
      'EVERY must lie between 100 ms and 1 day, not at 90000000 ms',
    ],
    ['SELECT count(*) FROM flights', '1 month', 'invalidParameter', 'an interval in months has no fixed length'],
    [
      'SELECT count(*) FROM flights',
      '-1 second',
      'invalidParameter',
      'interval must be longer than nothing, not "-1 second"',
    ],
  ])('%s every %s', (query, every, code, message) => {
    const error = failure(() => subscribe(`SUBSCRIBE (${query}) EVERY '${every}'`));
    expect({ code: error.code, message: error.message }).toEqual({ code, message });
  });

  test('it must last for one answer at least', () => {
    const error = failure(() => subscribe("SUBSCRIBE (SELECT count(*) FROM flights) EVERY '2 seconds' FOR '1 second'"));
    expect(error.message).toBe('FOR must not be shorter than EVERY');
  });
});
