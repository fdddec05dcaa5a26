import { expect, test } from 'vitest';
import { ParseError, parse } from './index.ts';
import { editDistance } from './suggest.ts';

/** The error of a statement in which `▸` marks where it should be found. */
function failure(marked: string): ParseError {
  const sql = marked.replace('▸', '');
  try {
    parse(sql);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const { start, end } = error.span;
    expect(`${sql.slice(0, start)}▸${sql.slice(start)}`).toBe(marked);
    expect(error).toMatchObject({
      name: 'ParseError',
      position: start,
      found: sql.slice(start, end),
      line: 1,
      column: start + 1,
    });
    return error;
  }
  throw new Error(`taken: ${sql}`);
}

test.each<[string, string, string | null]>([
  ['▸selct a from t', 'syntax error at or near "selct"', 'Did you mean SELECT?'],
  ['SELECT a ▸FORM t', 'syntax error at or near "FORM"', 'Did you mean FROM?'],
  ['SELECT * ▸FORM t', 'syntax error at or near "FORM"', 'Did you mean FROM?'],
  ['SELECT a FROM t ▸WHER x = 1', 'syntax error at or near "WHER"', 'Did you mean WHERE?'],
  ['SELECT a FROM t ▸GRUOP BY x', 'syntax error at or near "GRUOP"', 'Did you mean GROUP?'],
  ['SELECT a FROM t WHERE x = 1 ▸ADN y = 2', 'syntax error at or near "ADN"', 'Did you mean AND?'],
  ['SELECT a FROM t ORDER ▸YB x', 'syntax error at or near "YB"', 'Did you mean BY?'],
  ['SELECT a FROM t ▸LIMTI 5', 'syntax error at or near "LIMTI"', 'Did you mean LIMIT?'],
  ["SELECT a FROM t WHERE x ▸LKE 'a'", 'syntax error at or near "LKE"', 'Did you mean LIKE?'],
  ['CREATE ▸TABEL t (a int)', 'syntax error at or near "TABEL"', 'Did you mean TABLE?'],
  ['SELECT▸', 'syntax error at end of input', 'The statement ends here; expected an expression, "*", ALL or DISTINCT.'],
  ['SELECT a FROM▸', 'syntax error at end of input', 'The statement ends here; expected a name or "(".'],
  ['SELECT a FROM t WHERE▸', 'syntax error at end of input', 'The statement ends here; expected an expression.'],
  ['SELECT (1 + 2▸', 'syntax error at end of input', 'The statement ends here; expected an operator or ")".'],
  ['SELECT a,▸', 'syntax error at end of input', 'The statement ends here; expected an expression or "*".'],
  ['SELECT a, ▸FROM t', 'syntax error at or near "FROM"', 'Remove the comma before FROM.'],
  [
    'SELECT a FROM t;;SELECT ▸;',
    'syntax error at or near ";"',
    'The statement ends here; expected an expression, "*", ALL or DISTINCT.',
  ],
  [
    'SELECT ▸order FROM t',
    'syntax error at or near "order"',
    '"order" is a reserved word; put it in double quotes to use it as a name.',
  ],
  [
    'CREATE TABLE t (a int, ▸limit int)',
    'syntax error at or near "limit"',
    '"limit" is a reserved word; put it in double quotes to use it as a name.',
  ],
  ['SELECT ▸FROM t', 'syntax error at or near "FROM"', 'Expected an expression, "*", ALL or DISTINCT.'],
  ['SELECT 1 UNION▸', 'syntax error at end of input', 'The statement ends here; expected ALL.'],
  [
    'CREATE TABLE t (a int PRIMARY KEY, b int ▸PRIMARY KEY)',
    'multiple primary keys for table "t" are not allowed',
    null,
  ],
  ['CREATE TABLE t (a int NULL PRIMARY ▸KEY)', 'conflicting NULL/NOT NULL declarations for column "a"', null],
  ['EXPLAIN (▸SELEC 1)', 'syntax error at or near "SELEC"', 'Did you mean SELECT?'],
  ["SUBSCRIBE ▸SELECT 1 EVERY '1 second'", 'syntax error at or near "SELECT"', 'Expected "(".'],
  ['SUBSCRIBE (SELECT 1)▸', 'syntax error at end of input', 'The statement ends here; expected EVERY.'],
  ["SUBSCRIBE (SELECT 1) ▸EVRY '1 second'", 'syntax error at or near "EVRY"', 'Did you mean EVERY?'],
  ['SELECT a < b ▸< c', 'syntax error at or near "<"', null],
  ['SELECT a FROM t ▸AND b < c < d', 'syntax error at or near "AND"', null],
  ['SELECT * FROM ▸(SELECT 1)', 'subquery in FROM must have an alias', 'For example, FROM (SELECT ...) AS recent.'],
  ['VALUES (1), ▸(1, 2)', 'VALUES lists must all be the same length', null],
  ['SELECT ▸$0', 'there is no parameter $0', 'Parameters count from $1 to $65535.'],
  ['SELECT ▸$99999', 'there is no parameter $99999', 'Parameters count from $1 to $65535.'],
  [
    "SELECT ▸'abc",
    `unterminated quoted string at or near "'abc"`,
    "Close the string with '; write '' for a quote inside it.",
  ],
  [
    "SELECT ▸E'abc\\'",
    'unterminated quoted string at or near "E\'abc\\\'"',
    "Close the string with '; write '' for a quote inside it.",
  ],
  ['SELECT ▸$$abc', 'unterminated dollar-quoted string at or near "$$abc"', 'Close the string with $$.'],
  ['SELECT ▸"abc', 'unterminated quoted identifier at or near ""abc"', 'Close the name with ".'],
  [
    'SELECT 1 ▸/* abc /* x */',
    'unterminated /* comment at or near "/* abc /* x */"',
    'Close the comment with */; comments nest.',
  ],
  ['SELECT ▸""', 'zero-length delimited identifier at or near """"', null],
  ['SELECT ▸123abc', 'trailing junk after numeric literal at or near "123abc"', null],
  ['SELECT ▸$1a', 'trailing junk after parameter at or near "$1a"', null],
  ["SELECT E'▸\\u12'", 'invalid Unicode escape at or near "\\u"', null],
  ["SELECT E'▸\\xff'", 'invalid byte sequence for encoding "UTF8" at or near "\\xff"', null],
  ['SELECT ▸{a}', 'syntax error at or near "{"', 'Expected an expression, "*", ALL or DISTINCT.'],
  ['SELECT 1 ▸1', 'syntax error at or near "1"', null],
  [
    'SELECT CASE WHEN a THEN 1▸',
    'syntax error at end of input',
    'The statement ends here; expected an operator, ELSE, END or WHEN.',
  ],
  ['SELECT CASE 1 ▸END', 'syntax error at or near "END"', 'Expected an operator or WHEN.'],
  ['SELECT CAST(a▸, int)', 'syntax error at or near ","', 'Expected an operator or AS.'],
  [
    "SELECT 'it's▸'",
    `unterminated quoted string at or near "'"`,
    "Close the string with '; write '' for a quote inside it.",
  ],
  ['INSERT ▸t VALUES (1)', 'syntax error at or near "t"', 'Expected INTO.'],
  ['INSERT INTO t (a ▸b) VALUES (1)', 'syntax error at or near "b"', 'Expected ")" or ",".'],
  ['DROP ▸t', 'syntax error at or near "t"', 'Expected TABLE.'],
  ['SHOW▸', 'syntax error at end of input', 'The statement ends here; expected a name or ALL.'],
  ['SET a▸', 'syntax error at end of input', 'The statement ends here; expected "=" or TO.'],
  ['CANCEL ▸5', 'syntax error at or near "5"', 'Expected QUERY.'],
  [
    'SELECT * FROM a JOIN b ▸WHERE a.x = b.x',
    'syntax error at or near "WHERE"',
    'Expected a name, AS, CROSS, INNER, JOIN, LEFT, ON or USING.',
  ],
  ['SELECT count(* ▸FROM t', 'syntax error at or near "FROM"', 'Expected ")".'],
  ['SELECT * FROM t WHERE a = 1▸)', 'syntax error at or near ")"', 'No parenthesis is open here.'],
  [
    '▸foo',
    'syntax error at or near "foo"',
    'A statement begins with a word such as SELECT, INSERT, CREATE, SUBSCRIBE or SHOW.',
  ],
  ['SELECT a b ▸c', 'syntax error at or near "c"', null],
  ['SELECT a AS▸', 'syntax error at end of input', 'The statement ends here; expected a name.'],
  ['CREATE TABLE t (a▸)', 'syntax error at or near ")"', 'Expected a name.'],
  ['INSERT INTO t (a, b ▸VALUES (1)', 'syntax error at or near "VALUES"', 'Expected ")" or ",".'],
  [
    "SELECT user FROM t ▸WHRE user = 'x' AND b IN (1, 2) GROUP BY user HAVING count(*) > 1",
    'syntax error at or near "WHRE"',
    'Did you mean WHERE?',
  ],
  [
    "SUBSCRIBE (SELECT count(*) FROM t GROUP BY▸) EVERY '1 second'",
    'syntax error at or near ")"',
    'Expected an expression.',
  ],
  ['SELECT a FROM t ORDER BY▸', 'syntax error at end of input', 'The statement ends here; expected an expression.'],
  [
    'SELECT a FROM t JOIN u▸',
    'syntax error at end of input',
    'The statement ends here; expected a name, AS, CROSS, INNER, JOIN, LEFT, ON or USING.',
  ],
  ['▸INSRT INTO t VALUES (1)', 'syntax error at or near "INSRT"', 'Did you mean INSERT?'],
  ['DROP ▸TABEL t', 'syntax error at or near "TABEL"', 'Did you mean TABLE?'],
  ['▸EXPLIAN SELECT 1', 'syntax error at or near "EXPLIAN"', 'Did you mean EXPLAIN?'],
  ['SELECT a FROM t WHERE a ▸BETWEN 1 AND 2', 'syntax error at or near "BETWEN"', 'Did you mean BETWEEN?'],
  ['SELECT a FROM t WHERE a IS ▸NUL', 'syntax error at or near "NUL"', 'Did you mean NULL?'],
  ['SELECT count(▸DISTINCTT a) FROM t', 'syntax error at or near "DISTINCTT"', 'Did you mean DISTINCT?'],
  ['SELECT CASE WHEN a THEN 1 ▸ESLE 2 END', 'syntax error at or near "ESLE"', 'Did you mean ELSE?'],
])('%s', (marked, message, hint) => {
  expect(failure(marked)).toMatchObject({ code: 'syntax', message, hint });
});

test.each<[string, string, string | null]>([
  ['▸UPDATE t SET a = 1', 'UPDATE is not supported yet', null],
  ['▸DELETE FROM t', 'DELETE is not supported yet', null],
  ['▸ALTER TABLE t ADD COLUMN a int', 'ALTER is not supported yet', null],
  ['▸CREATE INDEX i ON t (a)', 'CREATE INDEX is not supported yet', null],
  ['▸CREATE MATERIALIZED VIEW v AS SELECT 1', 'CREATE MATERIALIZED is not supported yet', null],
  ['▸DROP VIEW v', 'DROP VIEW is not supported yet', null],
  ['▸WITH x AS (SELECT 1) SELECT * FROM x', 'WITH is not supported yet', 'Write the query as a subquery in FROM.'],
  [
    'SELECT 1 ▸UNION SELECT 2',
    'UNION without ALL is not supported yet',
    'Use UNION ALL, under SELECT DISTINCT if need be.',
  ],
  ['SELECT 1 ▸INTERSECT SELECT 2', 'INTERSECT is not supported yet', 'Use a join.'],
  [
    'SELECT 1 ▸EXCEPT ALL SELECT 2',
    'EXCEPT is not supported yet',
    'Use a LEFT JOIN that keeps the rows without a match.',
  ],
  ['SELECT * FROM a ▸RIGHT JOIN b ON a.x=b.x', 'RIGHT JOIN is not supported yet', 'Swap the tables and use LEFT JOIN.'],
  ['SELECT * FROM a ▸FULL OUTER JOIN b ON a.x=b.x', 'FULL JOIN is not supported yet', null],
  ['SELECT * FROM a ▸NATURAL JOIN b', 'NATURAL JOIN is not supported yet', 'Name the columns with USING.'],
  [
    'SELECT * FROM a WHERE x ▸IN (SELECT 1)',
    'a subquery in IN is not supported yet',
    'Join with the subquery in FROM.',
  ],
  ['SELECT * FROM a WHERE ▸EXISTS (SELECT 1)', 'EXISTS is not supported yet', 'Join with the subquery in FROM.'],
  ['SELECT ▸(SELECT 1)', 'a subquery in an expression is not supported yet', 'Join with the subquery in FROM.'],
  ['SELECT * FROM a WHERE x = ▸ANY (SELECT 1)', 'ANY is not supported yet', null],
  ['SELECT ▸DISTINCT ON (a) b FROM t', 'DISTINCT ON is not supported yet', null],
  ['SELECT sum(x) ▸OVER (PARTITION BY y) FROM t', 'a window function (OVER) is not supported yet', null],
  [
    'SELECT count(*) ▸FILTER (WHERE x) FROM t',
    'FILTER is not supported yet',
    'Use an aggregate over CASE WHEN … THEN … END.',
  ],
  ['SELECT percentile_cont(0.5) ▸WITHIN GROUP (ORDER BY x) FROM t', 'WITHIN GROUP is not supported yet', null],
  ['SELECT ▸ARRAY[1,2]', 'ARRAY is not supported yet', null],
  ['SELECT a▸[1] FROM t', 'an array is not supported yet', null],
  ['SELECT ▸(a, b) FROM t', 'a row value is not supported yet', 'Compare the columns one by one.'],
  ['SELECT * FROM t WHERE ▸(a, b) IN ((1,2))', 'a row value is not supported yet', 'Compare the columns one by one.'],
  ["SELECT string_agg(a, ',' ▸ORDER BY b) FROM t", 'ORDER BY in a call is not supported yet', null],
  ['SELECT * FROM t, ▸LATERAL (SELECT 1) x', 'LATERAL is not supported yet', null],
  ['SELECT * ▸FROM generate_series(1, 3)', 'a function in FROM is not supported yet', null],
  [
    'SELECT * ▸FROM t AS x(a, b)',
    "a list of names for a table's columns is not supported yet",
    'Rename the columns in a subquery.',
  ],
  ['SELECT * FROM t ▸LIMIT 1, 2', 'LIMIT offset, count is not supported yet', 'Use LIMIT count OFFSET offset.'],
  ['SELECT * FROM t ▸FOR UPDATE', 'a locking clause is not supported yet', null],
  ['INSERT INTO t VALUES (▸DEFAULT)', 'DEFAULT is not supported yet', null],
  [
    'INSERT INTO t VALUES (1) ▸ON CONFLICT DO NOTHING',
    'ON CONFLICT is not supported yet',
    'A row replaces the row that has the same primary key.',
  ],
  ['INSERT INTO t VALUES (1) ▸RETURNING a', 'RETURNING is not supported yet', null],
  ["SELECT a LIKE 'x' ▸ESCAPE 'y' FROM t", 'ESCAPE is not supported yet', null],
  ["SELECT 1 FROM t WHERE a LIKE 'x' ▸ESCAPE 'y'", 'ESCAPE is not supported yet', null],
  ["SELECT 1 FROM t WHERE a ▸SIMILAR TO 'x'", 'SIMILAR TO is not supported yet', 'Use LIKE.'],
  ['SELECT a ▸COLLATE "C" FROM t', 'COLLATE is not supported yet', null],
  ["SELECT a ▸AT TIME ZONE 'UTC' FROM t", 'AT TIME ZONE is not supported yet', null],
  ["SELECT 1 FROM t WHERE a ▸AT TIME ZONE 'UTC' > b", 'AT TIME ZONE is not supported yet', null],
  ['SELECT a ▸BETWEEN SYMMETRIC 1 AND 2', 'BETWEEN SYMMETRIC is not supported yet', null],
  ['SELECT f(a ▸=> 1)', 'a named argument is not supported yet', null],
  ['SELECT a.b▸.c FROM t', 'a name of more than two parts is not supported yet', null],
  ['SELECT a ▸== b', 'operator "==" is not supported', 'Use =.'],
  ["SELECT a ▸~ 'x'", 'operator "~" is not supported', 'Use LIKE.'],
  ['SELECT a ▸&& b', 'operator "&&" is not supported', 'Use AND.'],
  ['SELECT ▸?', '"?" is not supported', 'Write parameters as $1, $2.'],
  ['SELECT ▸:name', '":" is not supported', 'Write parameters as $1, $2.'],
  ['SELECT ▸`a`', '"`" is not supported', 'Put names in double quotes.'],
  ["SELECT a▸->>'b'", 'operator "->>" is not supported', null],
  ['CREATE TABLE t (a int ▸UNIQUE)', 'a constraint other than PRIMARY KEY and NOT NULL is not supported yet', null],
  ['CREATE TABLE t (a int ▸DEFAULT 1)', 'DEFAULT is not supported yet', null],
  ['CREATE TABLE t (a int ▸GENERATED ALWAYS AS IDENTITY)', 'a generated column is not supported yet', null],
  [
    'CREATE TABLE t (a int, ▸FOREIGN KEY (a) REFERENCES b)',
    'a constraint other than PRIMARY KEY and NOT NULL is not supported yet',
    null,
  ],
  [
    'CREATE TABLE t (a int) ▸PARTITION BY RANGE (a)',
    'PARTITION BY RANGE is not supported yet',
    'Use PARTITION BY HASH.',
  ],
  [
    '▸CREATE TABLE t AS SELECT 1',
    'CREATE TABLE AS is not supported yet',
    'Create the table, then INSERT INTO it from a SELECT.',
  ],
  ['▸EXPLAIN (FORMAT JSON) SELECT 1', 'an option of EXPLAIN is not supported yet', null],
  ['▸EXPLAIN VERBOSE SELECT 1', 'EXPLAIN VERBOSE is not supported yet', null],
  ['▸EXPLAIN (ANALYZE, BUFFERS) SELECT 1', 'an option of EXPLAIN is not supported yet', null],
  ['▸SET LOCAL a = 1', 'SET LOCAL is not supported yet', null],
  ['▸SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'SET TRANSACTION is not supported yet', null],
  ['▸ROLLBACK TO SAVEPOINT x', 'ROLLBACK TO SAVEPOINT is not supported yet', null],
  ['▸SAVEPOINT x', 'SAVEPOINT is not supported yet', null],
  ["SELECT ▸b'101'", "b'…' is not supported yet", null],
  ['SELECT a FROM t GROUP BY ▸ROLLUP (a)', 'GROUP BY ROLLUP is not supported yet', null],
  ['SELECT a FROM t GROUP BY ▸GROUPING SETS ((a))', 'GROUPING SETS is not supported yet', null],
  [
    "SELECT INTERVAL '1' ▸YEAR TO MONTH",
    'intervals of several fields are not supported yet',
    "Write the units in the quotes, as in INTERVAL '1 day 02:00'.",
  ],
  ['SELECT 日本 FROM t WHERE 日本 ▸=== 1', 'operator "==" is not supported', 'Use =.'],
])('not supported: %s', (marked, message, hint) => {
  expect(failure(marked)).toMatchObject({ code: 'unsupported', message, hint });
});

test('what was expected', () => {
  expect(failure('SELECT a FROM t ▸WHER x = 1').expected).toEqual([
    'a name',
    '","',
    'AS',
    'CROSS',
    'FETCH',
    'GROUP',
    'HAVING',
    'INNER',
    'JOIN',
    'LEFT',
    'LIMIT',
    'OFFSET',
    'ORDER',
    'UNION',
    'WHERE',
    'the end of the statement',
  ]);
  expect(failure('INSERT INTO t▸').expected).toEqual(['"("', 'SELECT', 'TABLE', 'VALUES']);
});

test('line and column count from 1, in characters', () => {
  expect(() => parse("SELECT '😀'\r\n, b c d")).toThrow(expect.objectContaining({ line: 2, column: 7, position: 19 }));
});

test('the first statement at fault is told of', () => {
  expect(() => parse('SELECT 1; SELECT a b c; SELEKT')).toThrow(expect.objectContaining({ position: 21 }));
});

test('a long word is cut in the message', () => {
  expect(failure(`▸${'x'.repeat(100)}`).message).toBe(`syntax error at or near "${'x'.repeat(40)}…"`);
});

test.each<[string, string, number]>([
  ['SELECT', 'SELECT', 0],
  ['SELCT', 'SELECT', 1],
  ['SLEECT', 'SELECT', 1],
  ['FORM', 'FROM', 1],
  ['SELEKTT', 'SELECT', 2],
  ['ABC', 'XYZ', 3],
  ['A', 'SELECT', 3],
])('from %s to %s', (a, b, distance) => {
  expect(editDistance(a, b, 2)).toBe(distance);
  expect(editDistance(b, a, 2)).toBe(distance);
});
