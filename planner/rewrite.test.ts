import { describe, expect, test } from 'vitest';
import { bindQuery } from './bind-query.ts';
import { expressionSql } from './explain-expression.ts';
import { inputsOf, type Logical } from './logical.ts';
import { rewrite } from './rewrite.ts';
import { context, queryOf, tables } from './test-tables.ts';

/** A logical plan in one line, e.g. `project(scan flights[delay] where delay > 1)`. */
function brief(node: Logical): string {
  const inputs = inputsOf(node).map(brief).join(', ');
  switch (node.kind) {
    case 'scan': {
      const columns = node.schema.fields.map(({ name }) => name).join(' ');
      return `${node.table.name}[${columns}]${node.predicate === null ? '' : ` where ${expressionSql(node.predicate, node.schema)}`}`;
    }
    case 'values':
      return `values ${node.rows.length}`;
    case 'filter':
      return `filter ${expressionSql(node.predicate, node.input.schema)} (${inputs})`;
    case 'join': {
      const on = node.condition === null ? '' : ` on ${expressionSql(node.condition, node.schema)}`;
      return `${node.type} join${on} (${inputs})`;
    }
    default:
      return `${node.kind} (${inputs})`;
  }
}

function rewritten(sql: string): string {
  return brief(rewrite(bindQuery(queryOf(sql), tables, context).plan));
}

describe('constant folding', () => {
  const folded = (expression: string) => {
    const result = rewritten(`SELECT 1 FROM kinds WHERE ${expression}`);
    return result.replace(/^project \(kinds\[[^\]]*\](?: where )?/, '').replace(/\)$/, '');
  };
  test.each([
    ['1 + 1 = 2', ''],
    ['1 = 2', 'FALSE'],
    ['NULL', 'FALSE'],
    ['b AND true', 'b'],
    ['b OR 1 = 1', ''],
    ['b AND (2 < 1)', 'FALSE'],
    ['b OR false', 'b'],
    ['b AND NULL', 'b AND NULL'],
    ['i4 + 1 > 2 * 3', 'i4 + 1 > 6'],
    ['i4 > 7 / 2', 'i4 > 3'],
    ['i4 > -7 / 2', 'i4 > -3'],
    ['i4 > -7 % 4', 'i4 > -3'],
    ['i4 > 1 / 0', 'i4 > 1 / 0'],
    ['i4 > 2147483647 + 1', 'i4 > 2147483647 + 1'],
    ['i4 = NULL', 'FALSE'],
    ['NOT (i4 < 3)', 'i4 >= 3'],
    ['NOT NOT b', 'b'],
    ['n > 1.5 + 0.25', 'n::numeric(38,2) > 1.75'],
    ['f8 > 1', 'f8 > 1'],
    ["t = 'a' || 'b'", "t = 'ab'"],
    ['coalesce(NULL, i4, 5) = 5', 'coalesce(i4, 5) = 5'],
    ['coalesce(3, 1 / 0) = 3', ''],
    ['CASE WHEN false THEN 1 / 0 ELSE i4 END = 1', 'i4 = 1'],
    ['i4 IS NULL OR NULL IS NULL', ''],
    ['NULL IN (1, 2)', 'FALSE'],
    ["d + 1 > date '2001-01-31' + 1", "d + 1 > '2001-02-01'::date"],
    ['0.1 + 0.2 = 0.3', ''],
    ["'a' = 'b' OR 'a' <> 'b'", ''],
  ])('%s', (expression, expected) => {
    expect(folded(expression)).toBe(expected);
  });
});

describe('predicate pushdown', () => {
  test.each([
    [
      'through projections',
      'SELECT x FROM (SELECT delay + 1 AS x FROM flights) s WHERE x > 3',
      'project (flights[delay] where delay + 1 > 3)',
    ],
    [
      'to both sides of an inner join',
      'SELECT 1 FROM flights f JOIN states s ON f.origin = s.state AND s.code > 1 WHERE f.delay > 2 AND f.delay > s.code',
      'project (inner join on origin = state AND delay > code::integer ' +
        '(flights[delay origin] where delay > 2, states[state code] where code::integer > 1))',
    ],
    [
      'a cross join with an equality is an inner join',
      'SELECT 1 FROM flights, states WHERE origin = state',
      'project (inner join on origin = state (flights[origin], states[state]))',
    ],
    [
      'left join: what concerns the left goes left, the rest waits',
      'SELECT 1 FROM flights f LEFT JOIN states s ON f.origin = s.state WHERE f.delay > 2 AND s.code > 1',
      'project (filter code::integer > 1 (left join on origin = state (project (flights[delay origin] where delay > 2), states[state code])))',
    ],
    [
      'left join: its own conditions may only go right',
      'SELECT 1 FROM flights f LEFT JOIN states s ON f.origin = s.state AND f.delay > 2 AND s.code > 1',
      'project (left join on origin = state AND delay > 2 (flights[delay origin], project (states[state code] where code::integer > 1)))',
    ],
    [
      'below a grouping when on keys',
      "SELECT origin FROM flights GROUP BY origin HAVING origin > 'A' AND count(*) > 1",
      "project (filter count > 1 (aggregate (flights[origin] where origin > 'A')))",
    ],
    [
      'not below an aggregate without keys',
      'SELECT count(*) FROM flights HAVING 1 > 2',
      'filter FALSE (aggregate (flights[]))',
    ],
    [
      'not below a limit',
      'SELECT x FROM (SELECT delay AS x FROM flights LIMIT 3) s WHERE x > 1',
      'filter x > 1 (topK (project (flights[delay])))',
    ],
    [
      'into every branch of a union',
      "SELECT o FROM (SELECT origin AS o FROM flights UNION ALL SELECT state FROM states) s WHERE o = 'CA'",
      "union (project (flights[origin] where origin = 'CA'), states[state] where state = 'CA')",
    ],
  ])('%s', (_, sql, expected) => {
    expect(rewritten(sql)).toBe(expected);
  });
});

describe('projection pushdown', () => {
  test.each([
    [
      'a scan reads what is used',
      "SELECT sum(delay) FROM flights WHERE origin = 'A'",
      "aggregate (flights[delay origin] where origin = 'A')",
    ],
    ['nothing at all for a count', 'SELECT count(*) FROM flights', 'aggregate (flights[])'],
    [
      'unused results go',
      'SELECT n FROM (SELECT count(*) AS n, sum(delay) AS s FROM flights) x',
      'project (aggregate (flights[]))',
    ],
    [
      'one result stays for the row',
      'SELECT 1 FROM (SELECT count(*) AS n FROM flights) x',
      'project (aggregate (flights[]))',
    ],
    ['keys stay', 'SELECT count(*) FROM flights GROUP BY origin', 'project (aggregate (flights[origin]))'],
    [
      'unions narrow alike',
      'SELECT a FROM (SELECT origin AS a, delay FROM flights UNION ALL SELECT city, 1 FROM airports) x',
      'union (project (flights[origin]), airports[city])',
    ],
  ])('%s', (_, sql, expected) => {
    expect(rewritten(sql)).toBe(expected);
  });
});
