import { describe, expect, test } from 'vitest';
import { failure, plan } from './test-tables.ts';

/** The `^` in the second string stands below the place that the error points at. */
type Case = readonly [sql: string, caret: string, code: string, message: string, hint?: string];

const cases: readonly Case[] = [
  [
    'SELECT * FROM fligths',
    '              ^',
    'unknownTable',
    'relation "fligths" does not exist',
    'Did you mean "flights"?',
  ],
  ['SELECT delya FROM flights', '       ^', 'unknownColumn', 'column "delya" does not exist', 'Did you mean "delay"?'],
  [
    'SELECT f.delya FROM flights f',
    '       ^',
    'unknownColumn',
    'column f.delya does not exist',
    'Did you mean "delay"?',
  ],
  [
    'SELECT g.delay FROM flights f',
    '       ^',
    'unknownTable',
    'missing FROM-clause entry for table "g"',
    'Did you mean "f"?',
  ],
  ['SELECT flights.delay FROM flights f', '       ^', 'unknownTable', 'missing FROM-clause entry for table "flights"'],
  ['SELECT state FROM airports a, states s', '       ^', 'ambiguousColumn', 'column reference "state" is ambiguous'],
  [
    'SELECT 1 FROM flights, flights',
    '                       ^',
    'duplicateAlias',
    'table name "flights" specified more than once',
  ],
  ['SELECT * ', '       ^', 'syntax', 'SELECT * with no tables specified is not valid'],
  [
    'SELECT * FROM airports JOIN states USING (iata)',
    '                                          ^',
    'unknownColumn',
    'column "iata" specified in USING clause does not exist in right table',
  ],
  [
    'SELECT origin, count(*) FROM flights',
    '       ^',
    'grouping',
    'column "flights.origin" must appear in the GROUP BY clause or be used in an aggregate function',
  ],
  [
    'SELECT origin, delay + 1 FROM flights GROUP BY origin',
    '               ^',
    'grouping',
    'column "flights.delay" must appear in the GROUP BY clause or be used in an aggregate function',
  ],
  [
    'SELECT origin FROM flights GROUP BY origin ORDER BY delay',
    '                                                    ^',
    'grouping',
    'column "flights.delay" must appear in the GROUP BY clause or be used in an aggregate function',
  ],
  [
    'SELECT 1 FROM flights WHERE count(*) > 1',
    '                            ^',
    'grouping',
    'aggregate functions are not allowed in WHERE',
  ],
  [
    'SELECT 1 FROM flights GROUP BY sum(delay)',
    '                               ^',
    'grouping',
    'aggregate functions are not allowed in GROUP BY',
  ],
  ['SELECT sum(max(delay)) FROM flights', '           ^', 'grouping', 'aggregate function calls cannot be nested'],
  [
    'SELECT DISTINCT origin FROM flights ORDER BY delay',
    '                                             ^',
    'invalidReference',
    'for SELECT DISTINCT, ORDER BY expressions must appear in select list',
  ],
  [
    'SELECT origin FROM flights ORDER BY 2',
    '                                    ^',
    'invalidReference',
    'ORDER BY position 2 is not in select list',
  ],
  [
    'SELECT origin FROM flights GROUP BY 3',
    '                                    ^',
    'invalidReference',
    'GROUP BY position 3 is not in select list',
  ],
  [
    'SELECT origin FROM flights WHERE origin = 1',
    '                                 ^',
    'unknownFunction',
    'operator does not exist: text = integer',
  ],
  [
    'SELECT delay || distance FROM flights',
    '       ^',
    'unknownFunction',
    'operator does not exist: integer || integer',
  ],
  ["SELECT 'a' + 'b'", '       ^', 'ambiguousFunction', 'operator is not unique: unknown + unknown'],
  ['SELECT d + d FROM kinds', '       ^', 'unknownFunction', 'operator does not exist: date + date'],
  ['SELECT f8 % 2 FROM kinds', '       ^', 'unknownFunction', 'operator does not exist: double precision % integer'],
  ['SELECT - t FROM kinds', '         ^', 'unknownFunction', 'operator does not exist: - text'],
  ['SELECT 5 LIKE t FROM kinds', '       ^', 'unknownFunction', 'operator does not exist: integer ~~ text'],
  [
    "SELECT delay FROM flights WHERE delay = 'x'",
    '                                        ^',
    'invalidText',
    'invalid input syntax for type integer: "x"',
  ],
  [
    "SELECT 1 FROM flights WHERE date > 'soon'",
    '                                   ^',
    'invalidDatetime',
    'invalid input syntax for type timestamp: "soon"',
  ],
  [
    'SELECT 1 FROM flights WHERE delay',
    '                            ^',
    'typeMismatch',
    'argument of WHERE must be type boolean, not type integer',
  ],
  [
    'SELECT NOT delay FROM flights',
    '           ^',
    'typeMismatch',
    'argument of NOT must be type boolean, not type integer',
  ],
  [
    'SELECT lowr(origin) FROM flights',
    '       ^',
    'unknownFunction',
    'function lowr(text) does not exist',
    'Did you mean "lower"?',
  ],
  ['SELECT lower(delay) FROM flights', '       ^', 'unknownFunction', 'function lower(integer) does not exist'],
  ['SELECT min(b) FROM kinds', '       ^', 'unknownFunction', 'function min(boolean) does not exist'],
  ['SELECT sum(t) FROM kinds', '       ^', 'unknownFunction', 'function sum(text) does not exist'],
  ['SELECT sum(*) FROM kinds', '       ^', 'unknownFunction', 'function sum(*) does not exist'],
  [
    'SELECT lower(DISTINCT t) FROM kinds',
    '       ^',
    'wrongObjectType',
    'DISTINCT in lower() specified, but lower is not an aggregate function',
  ],
  ['SELECT CAST(d AS integer) FROM kinds', '       ^', 'cannotCast', 'cannot cast type date to integer'],
  [
    'SELECT CAST(t AS intger) FROM kinds',
    '                 ^',
    'unknownType',
    'type "intger" does not exist',
    'Did you mean "integer"?',
  ],
  [
    'SELECT CASE WHEN b THEN 1 ELSE t END FROM kinds',
    '                               ^',
    'typeMismatch',
    'CASE types integer and text cannot be matched',
  ],
  [
    'SELECT coalesce(t, 1) FROM kinds',
    '                   ^',
    'typeMismatch',
    'COALESCE types text and integer cannot be matched',
  ],
  [
    'SELECT t FROM kinds UNION ALL SELECT i4 FROM kinds',
    '                              ^',
    'typeMismatch',
    'UNION types text and integer cannot be matched',
  ],
  [
    'SELECT 1 UNION ALL SELECT 1, 2',
    '                   ^',
    'syntax',
    'each UNION query must have the same number of columns',
  ],
  ['SELECT 1 LIMIT -1', '               ^', 'invalidLimit', 'LIMIT must not be negative'],
  ["SELECT 1 LIMIT 'x'", '               ^', 'invalidText', 'invalid input syntax for type bigint: "x"'],
  ['SELECT $1', '       ^', 'invalidParameter', 'there is no parameter $1'],
  [
    'SELECT 123456789012345678901234567890123456789',
    '       ^',
    'outOfRange',
    'number 123456789012345678901234567890123456789 has more than 38 digits',
  ],
  [
    'SELECT x FROM (SELECT 1) s(y, z)',
    '                              ^',
    'syntax',
    'table "s" has 1 columns available but 2 columns specified',
  ],
];

describe('errors point at what is wrong', () => {
  for (const [sql, caret, code, message, hint] of cases) {
    test(sql, () => {
      const error = failure(() => plan(sql));
      expect({ code: error.code, message: error.message }).toEqual({ code, message });
      expect(`${' '.repeat(error.position ?? 0)}^`).toBe(caret);
      if (hint !== undefined) expect(error.hint).toBe(hint);
    });
  }
});

test('a chain of conditions may be longer than other expressions are deep', () => {
  const chain = (part: string, operator: string) =>
    `SELECT ${Array.from({ length: 400 }, () => part).join(operator)} FROM kinds`;
  expect(plan(chain('b', ' AND ')).opgraphs).toHaveLength(2);
  expect(failure(() => plan(chain('i4', ' + '))).code).toBe('unsupported');
});
