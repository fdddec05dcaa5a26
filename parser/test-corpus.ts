/** Statements of standard PostgreSQL that we take: for tests. One a line. */
export const corpus = `
SELECT 1
SELECT 1 + 2 AS sum, 'a' || 'b'
SELECT date, name FROM flights
SELECT key, value, type, day, host, text, first, last, show, set, query, time, timestamp FROM t
SELECT every, lifetime, status, level, data, user_name FROM t
SELECT count(*) AS count FROM t
SELECT count(*) count, sum(x) total, max(x) "Max" FROM t
SELECT t.*, u.a FROM t, u
SELECT * FROM t
SELECT DISTINCT a, b FROM t
SELECT ALL a FROM t
SELECT a FROM sys.nodes
SELECT a AS select, b AS from, c AS "order" FROM t
SELECT a left, b right, c first FROM t
SELECT a FROM t AS x
SELECT x.a FROM t x WHERE x.a > 0
SELECT "Quoted Name" FROM "Table"
SELECT a FROM t WHERE a = 1 AND b <> 2 OR NOT c
SELECT a FROM t WHERE a IS NULL AND b IS NOT NULL
SELECT a FROM t WHERE a IS TRUE OR b IS NOT FALSE OR c IS UNKNOWN
SELECT a FROM t WHERE a IS DISTINCT FROM b AND c IS NOT DISTINCT FROM d
SELECT a FROM t WHERE a BETWEEN 1 AND 2 AND b NOT BETWEEN 3 AND 4
SELECT a FROM t WHERE a IN (1, 2, 3) AND b NOT IN ('x')
SELECT a FROM t WHERE a LIKE 'x%' OR b NOT LIKE '%y' OR c ILIKE 'z' OR d NOT ILIKE 'w'
SELECT a FROM t WHERE a ISNULL OR b NOTNULL
SELECT -a, +b, - - c FROM t
SELECT a % 2, a ^ 2, a / 3, a * 4 FROM t
SELECT a::int, b::double precision, c::numeric(10, 2), d::timestamp with time zone FROM t
SELECT a::varchar(10), b::character varying(20), c::timestamp(3) without time zone FROM t
SELECT a::pg_catalog.text, b::text::int FROM t
SELECT CAST(a AS bigint), CAST('1' AS time) FROM t
SELECT CASE WHEN a THEN 1 ELSE 2 END FROM t
SELECT CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' END FROM t
SELECT EXTRACT(year FROM a), EXTRACT('epoch' FROM b) FROM t
SELECT SUBSTRING(a FROM 2 FOR 3), SUBSTRING(a FROM 2), SUBSTRING(a FOR 3), SUBSTRING(a, 1, 2) FROM t
SELECT TRIM(a), TRIM(BOTH FROM a), TRIM(LEADING 'x' FROM a), TRIM(TRAILING FROM a), TRIM('x' FROM a), TRIM(a, 'x') FROM t
SELECT POSITION('a' IN b) FROM t
SELECT coalesce(a, b), nullif(a, 0), greatest(a, b), least(a, b) FROM t
SELECT left(a, 2), right(a, 2), now(), random() FROM t
SELECT pg_catalog.version()
SELECT CURRENT_DATE, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP(3), CURRENT_USER, LOCALTIME, CURRENT_SCHEMA
SELECT count(DISTINCT a), sum(ALL b) FROM t
SELECT DATE '2001-01-01', TIMESTAMP '2001-01-01 00:00', INTERVAL '1 day', TIME '12:00'
SELECT TIMESTAMP WITH TIME ZONE '2001-01-01', TIMESTAMP(3) '2001-01-01', double precision '1.5', numeric(3, 1) '1.5'
SELECT INTERVAL '1' DAY, INTERVAL '-2.5' HOUR
SELECT date '2001-01-01' + interval '1 day' FROM t
SELECT $1, $2::int
SELECT 1, 1.5, .5, 1., 1e3, 1.5e-3, 1_000, 0x1F, 0o17, 0b11
SELECT 'it''s', E'a\\nb\\'c', $$don't$$, $tag$ $$ $tag$, N'x'
SELECT TRUE, FALSE, NULL
SELECT 1 -- a comment
SELECT /* a /* nested */ comment */ 1
SELECT a FROM t GROUP BY a HAVING count(*) > 1
SELECT a, b, count(*) FROM t GROUP BY a, b ORDER BY 3 DESC, a
SELECT a FROM t ORDER BY a ASC NULLS FIRST, b DESC NULLS LAST, c
SELECT a FROM t LIMIT 10
SELECT a FROM t LIMIT 10 OFFSET 5
SELECT a FROM t OFFSET 5 ROWS LIMIT 10
SELECT a FROM t LIMIT ALL
SELECT a FROM t LIMIT $1 OFFSET $2
SELECT a FROM t FETCH FIRST 5 ROWS ONLY
SELECT a FROM t FETCH NEXT ROW ONLY
SELECT a FROM t OFFSET 2 FETCH FIRST ROW ONLY
SELECT * FROM a, b, c WHERE a.x = b.x
SELECT * FROM a JOIN b ON a.x = b.x
SELECT * FROM a INNER JOIN b USING (x, y)
SELECT * FROM a LEFT JOIN b ON a.x = b.x LEFT OUTER JOIN c USING (z)
SELECT * FROM a CROSS JOIN b
SELECT * FROM a JOIN b JOIN c ON b.x = c.x ON a.x = b.x
SELECT * FROM (a JOIN b ON a.x = b.x) LEFT JOIN c USING (y)
SELECT * FROM a JOIN (b CROSS JOIN c) ON TRUE
SELECT * FROM ((a JOIN b USING (x)) JOIN c USING (x))
SELECT * FROM (SELECT 1 AS one) AS s
SELECT * FROM (SELECT 1, 2) s (x, y)
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (id, name)
SELECT * FROM ((SELECT 1) UNION ALL (SELECT 2)) AS u
SELECT * FROM ((SELECT 1) AS x CROSS JOIN b)
SELECT * FROM (((SELECT 1))) AS x
SELECT * FROM (SELECT a FROM t ORDER BY a LIMIT 3) AS top JOIN u ON top.a = u.a
SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3
(SELECT 1) UNION ALL (SELECT 2 LIMIT 1) ORDER BY 1 LIMIT 5
SELECT 1 UNION ALL (SELECT 2 UNION ALL SELECT 3)
(SELECT a FROM t)
((SELECT a FROM t LIMIT 1))
(SELECT a FROM t) ORDER BY a
VALUES (1, 'a'), (2, 'b') ORDER BY 1
TABLE t
TABLE sys.nodes LIMIT 1
CREATE TABLE t (a int)
CREATE TABLE IF NOT EXISTS t (a int NOT NULL, b text NULL, c double precision)
CREATE TABLE s.t (a int PRIMARY KEY, name varchar(10), date date, value numeric(10, 2))
CREATE TABLE t (a int, b timestamp with time zone, PRIMARY KEY (a, b))
CREATE TABLE t (a int PRIMARY KEY, b text) PARTITION BY HASH (a)
CREATE TABLE if (a int)
CREATE TABLE t (a int) WITH (fillfactor = 70)
DROP TABLE t
DROP TABLE IF EXISTS s.t CASCADE
INSERT INTO t VALUES (1, 'a'), (2, NULL)
INSERT INTO t (a, b) VALUES (1, 2)
INSERT INTO t (a) SELECT a FROM u WHERE a > 1
INSERT INTO t (SELECT * FROM u)
INSERT INTO s.t SELECT 1 UNION ALL SELECT 2
EXPLAIN SELECT 1
EXPLAIN ANALYZE SELECT a FROM t
EXPLAIN (ANALYZE) SELECT 1
EXPLAIN (SELECT 1)
EXPLAIN INSERT INTO t VALUES (1)
SET a = 1
SET a TO 'x'
SET a.b = on
SET SESSION search_path TO a, b
SET TIME ZONE 'UTC'
SHOW a
SHOW ALL
SHOW TIME ZONE
SHOW TRANSACTION ISOLATION LEVEL
BEGIN
BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY
START TRANSACTION READ WRITE NOT DEFERRABLE
COMMIT
COMMIT WORK
END
ROLLBACK
ABORT TRANSACTION
`
  .trim()
  .split('\n');

/** Statements that PostgreSQL does not know. */
export const ownCorpus = `
SHOW TABLES
DESCRIBE t
DESC sys.nodes
DESCRIBE TABLE t
SUBSCRIBE (SELECT count(*) FROM t) EVERY '1 second'
SUBSCRIBE (SELECT a FROM t UNION ALL SELECT b FROM u) EVERY INTERVAL '1 second' FOR '10 seconds'
EXPLAIN SUBSCRIBE (SELECT 1) EVERY '5 s' FOR INTERVAL '1 minute'
CANCEL QUERY 'q-1'
CREATE TABLE t (a int) PARTITION BY HASH (a, b) WITH (lifetime = '1 hour', replicas = 3, strict = on)
SET wharf.coverage = Strict
SELECT user, column, end_time FROM t
SELECT * FROM (t)
`
  .trim()
  .split('\n');
