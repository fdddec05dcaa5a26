import { expect, test } from 'vitest';
import { explainPlan, planInsert, planSubscription, validatePlan } from './index.ts';
import { context, explain, plan, readings, statement, tables } from './test-tables.ts';

const queries = [
  'SELECT count(*) FROM flights',
  'SELECT * FROM flights',
  "SELECT origin, delay FROM flights WHERE delay > 60 AND date >= '2001-01-01'",
  'SELECT origin, count(*) AS n FROM flights GROUP BY origin',
  'SELECT origin, avg(delay) AS mean FROM flights GROUP BY origin HAVING count(*) > 100 ORDER BY mean DESC LIMIT 10',
  'SELECT a.city, count(*) AS n FROM flights f JOIN airports a ON f.origin = a.iata GROUP BY a.city ORDER BY n DESC LIMIT 5',
  'SELECT f.delay, o.city, d.city FROM flights f JOIN airports o ON f.origin = o.iata JOIN airports d ON f.destination = d.iata',
  "SELECT f.delay, a.city FROM flights f, airports a WHERE f.origin = a.iata AND a.state = 'CA' AND f.delay > 10",
  "SELECT f.origin, a.city FROM flights f LEFT JOIN airports a ON f.origin = a.iata AND a.state = 'CA' WHERE f.delay > 10 AND a.city IS NULL",
  'SELECT * FROM airports JOIN states USING (state)',
  'SELECT a.iata, s.code FROM airports a CROSS JOIN states s',
  'SELECT a.iata, s.code FROM airports a LEFT JOIN states s ON a.latitude > s.code',
  'SELECT k.t FROM kinds k JOIN states s ON k.i8 = s.code AND k.n + 1 > s.code',
  'SELECT origin, delay FROM flights ORDER BY delay DESC LIMIT 10 OFFSET 5',
  'SELECT origin FROM flights ORDER BY delay + distance, date DESC NULLS LAST LIMIT 3',
  'SELECT origin, delay FROM flights ORDER BY 2, origin',
  'SELECT origin FROM flights LIMIT 7',
  'SELECT DISTINCT origin FROM flights ORDER BY origin',
  'SELECT count(DISTINCT origin), min(delay), max(delay), sum(distance) FROM flights',
  'SELECT upper(origin) AS o, sum(delay) + 1 AS total FROM flights GROUP BY o',
  "SELECT origin, n FROM (SELECT origin, count(*) AS n FROM flights GROUP BY origin) s WHERE origin LIKE 'S%' AND n > 3",
  'SELECT origin FROM flights UNION ALL SELECT iata FROM airports',
  'SELECT origin, count(*) FROM (SELECT origin FROM flights UNION ALL SELECT destination FROM flights) s GROUP BY origin',
  "SELECT iata FROM airports UNION ALL VALUES ('XXX') ORDER BY 1 LIMIT 2",
  'SELECT * FROM readings WHERE id = 42',
  "SELECT c FROM pairs WHERE a = 1 AND b = 'x' AND c > 0.5",
  'SELECT * FROM pairs WHERE a = 1',
  'SELECT count(*) FROM sys.nodes',
  'SELECT 1 + 1 AS two, now() AS t',
  "SELECT * FROM (VALUES (1, 'a'), (2, NULL)) v(x, y) WHERE x > 1",
  "SELECT v.y, f.origin FROM (VALUES ('SFO', 1)) v(x, y) JOIN flights f ON f.origin = v.x",
  'SELECT max(n) FROM (SELECT origin, count(*) AS n FROM flights GROUP BY origin) s',
  "SELECT CASE WHEN delay > 60 THEN 'late' ELSE 'fine' END AS how, count(*) FROM flights GROUP BY 1",
  'SELECT * FROM (SELECT origin, delay FROM flights ORDER BY delay LIMIT 5) top WHERE delay > 3',
  'SELECT a.iata FROM (SELECT origin FROM flights LIMIT 3) f JOIN airports a ON a.iata = f.origin',
];

function block(sql: string, lines: readonly string[]): string {
  return `${sql}\n${lines.map((line) => `    ${line}`).join('\n')}\n`;
}

test('plans read as recorded', async () => {
  const blocks = queries.map((sql) => block(sql, explain(sql).split('\n')));
  for (const sql of [
    "SUBSCRIBE (SELECT count(*) AS n, avg(delay) FROM flights) EVERY '1 second' FOR '1 minute'",
    "SUBSCRIBE (SELECT origin, count(*) AS n FROM flights WHERE delay > 5 GROUP BY origin ORDER BY n DESC LIMIT 3) EVERY '1 second'",
  ]) {
    const parsed = statement(sql);
    if (parsed.kind !== 'subscribe') throw new Error('no subscription');
    blocks.push(block(sql, explainPlan(planSubscription(parsed, tables, context).plan)));
  }
  for (const sql of [
    "INSERT INTO readings (id, value) VALUES (1, 2.5), (2, '3.75')",
    'INSERT INTO readings SELECT distance, origin, now(), delay FROM flights',
  ]) {
    const parsed = statement(sql);
    if (parsed.kind !== 'insert') throw new Error('no insert');
    blocks.push(block(sql, explainPlan(planInsert(parsed, readings, tables, context))));
  }
  await expect(blocks.join('\n')).toMatchFileSnapshot('./explain.golden.txt');
});

test.each(queries)('a peer accepts the plan of: %s', (sql) => {
  expect(validatePlan(plan(sql))).toEqual(plan(sql));
});
