/**
 * The words our grammar gives a meaning to, in PostgreSQL's four classes (its appendix "SQL Key Words"). Every
 * other word is an identifier. Words that PostgreSQL reserves and our grammar does not need, such as `user`,
 * are left free.
 */

/** Names only in double quotes. */
export const reservedWords = [
  'ALL',
  'AND',
  'ANY',
  'ARRAY',
  'AS',
  'ASC',
  'BOTH',
  'CASE',
  'CAST',
  'CHECK',
  'COLLATE',
  'CONSTRAINT',
  'CREATE',
  'DEFAULT',
  'DESC',
  'DISTINCT',
  'ELSE',
  'END',
  'EXCEPT',
  'FALSE',
  'FETCH',
  'FOR',
  'FOREIGN',
  'FROM',
  'GROUP',
  'HAVING',
  'IN',
  'INTERSECT',
  'INTO',
  'LATERAL',
  'LEADING',
  'LIMIT',
  'NOT',
  'NULL',
  'OFFSET',
  'ON',
  'ONLY',
  'OR',
  'ORDER',
  'PLACING',
  'PRIMARY',
  'REFERENCES',
  'RETURNING',
  'SELECT',
  'SOME',
  'TABLE',
  'THEN',
  'TO',
  'TRAILING',
  'TRUE',
  'UNION',
  'UNIQUE',
  'USING',
  'WHEN',
  'WHERE',
  'WINDOW',
  'WITH',
] as const;

/** Reserved too: calls that are written without parentheses. */
export const valueWords = [
  'CURRENT_CATALOG',
  'CURRENT_DATE',
  'CURRENT_ROLE',
  'CURRENT_SCHEMA',
  'CURRENT_TIME',
  'CURRENT_TIMESTAMP',
  'CURRENT_USER',
  'LOCALTIME',
  'LOCALTIMESTAMP',
  'SESSION_USER',
] as const;

/** Names of functions and types, as in `left(name, 3)`, not of columns or tables. */
export const functionWords = [
  'CROSS',
  'FULL',
  'INNER',
  'JOIN',
  'LEFT',
  'NATURAL',
  'OUTER',
  'RIGHT',
  'TABLESAMPLE',
] as const;

/** As `functionWords`, and operators: an alias spelt so needs `AS`. */
export const operatorWords = ['ILIKE', 'IS', 'ISNULL', 'LIKE', 'NOTNULL', 'OVERLAPS', 'SIMILAR'] as const;

/** Names of columns and tables, not of functions: these calls have a syntax of their own. */
export const columnWords = ['EXTRACT', 'POSITION', 'SUBSTRING', 'TRIM', 'VALUES'] as const;

/** Names of anything, as any identifier. */
export const freeWords = [
  'ABORT',
  'ANALYZE',
  'BEGIN',
  'BY',
  'CANCEL',
  'CASCADE',
  'COMMIT',
  'COMMITTED',
  'DEFERRABLE',
  'DESCRIBE',
  'DOUBLE',
  'DROP',
  'EVERY',
  'EXISTS',
  'EXPLAIN',
  'FIRST',
  'HASH',
  'IF',
  'INSERT',
  'INTERVAL',
  'ISOLATION',
  'KEY',
  'LAST',
  'LEVEL',
  'NEXT',
  'NULLS',
  'PARTITION',
  'PRECISION',
  'QUERY',
  'READ',
  'REPEATABLE',
  'RESTRICT',
  'ROLLBACK',
  'ROW',
  'ROWS',
  'SERIALIZABLE',
  'SESSION',
  'SET',
  'SHOW',
  'START',
  'SUBSCRIBE',
  'TIME',
  'TIMESTAMP',
  'TRANSACTION',
  'UNCOMMITTED',
  'UNKNOWN',
  'VARYING',
  'WITHOUT',
  'WORK',
  'WRITE',
  'ZONE',
] as const;

export type Keyword =
  | (typeof reservedWords)[number]
  | (typeof valueWords)[number]
  | (typeof functionWords)[number]
  | (typeof operatorWords)[number]
  | (typeof columnWords)[number]
  | (typeof freeWords)[number]
  | 'BETWEEN';
