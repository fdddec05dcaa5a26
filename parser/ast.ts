/** Where a node stands in the SQL text: zero-based offsets, `end` exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

interface Node {
  readonly span: Span;
}

/** An identifier as PostgreSQL reads it: folded to lower case unless it was quoted. */
export interface Name extends Node {
  readonly text: string;
}

/** `flights` or `sys.nodes`. */
export interface QualifiedName extends Node {
  readonly schema: string | null;
  readonly name: string;
}

// ---- Expressions

export type Expr =
  | LiteralExpr
  | ColumnExpr
  | UnaryExpr
  | BinaryExpr
  | CallExpr
  | CaseExpr
  | CastExpr
  | BetweenExpr
  | InListExpr
  | LikeExpr
  | IsExpr
  | ParameterExpr;

export type LiteralExpr = Node & { readonly kind: 'literal' } & (
    | { readonly literal: 'null' }
    | { readonly literal: 'boolean'; readonly value: boolean }
    /** The digits as written, `1`, `1.50` or `1e6`; the binder picks int4, int8, numeric. */
    | { readonly literal: 'number'; readonly text: string }
    | { readonly literal: 'string'; readonly value: string }
    /** `DATE '2001-01-01'`, `INTERVAL '1 day'`, `TIMESTAMP '…'`: a typed string. */
    | { readonly literal: 'typed'; readonly type: TypeName; readonly value: string }
  );

/** `name` or `relation.name`. */
export interface ColumnExpr extends Node {
  readonly kind: 'column';
  readonly relation: Name | null;
  readonly name: Name;
}

/** `$1`: `index` counts from 1. */
export interface ParameterExpr extends Node {
  readonly kind: 'parameter';
  readonly index: number;
}

export interface UnaryExpr extends Node {
  readonly kind: 'unary';
  readonly operator: 'not' | '-' | '+';
  readonly operand: Expr;
}

export type BinaryOperator =
  | 'and'
  | 'or'
  | '='
  | '<>'
  | '<'
  | '<='
  | '>'
  | '>='
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '^'
  | '||';

export interface BinaryExpr extends Node {
  readonly kind: 'binary';
  readonly operator: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
}

/** A function or aggregate call; `count(*)` has `star`. `EXTRACT(f FROM x)` is `extract('f', x)`. */
export interface CallExpr extends Node {
  readonly kind: 'call';
  readonly name: Name;
  readonly args: readonly Expr[];
  readonly star: boolean;
  readonly distinct: boolean;
}

/** With `operand`: `CASE operand WHEN when THEN then`; without: each `when` is a condition. */
export interface CaseExpr extends Node {
  readonly kind: 'case';
  readonly operand: Expr | null;
  readonly branches: readonly { readonly when: Expr; readonly then: Expr }[];
  readonly otherwise: Expr | null;
}

/** `CAST(x AS t)` and `x::t`. */
export interface CastExpr extends Node {
  readonly kind: 'cast';
  readonly operand: Expr;
  readonly type: TypeName;
}

export interface BetweenExpr extends Node {
  readonly kind: 'between';
  readonly operand: Expr;
  readonly low: Expr;
  readonly high: Expr;
  readonly negated: boolean;
}

export interface InListExpr extends Node {
  readonly kind: 'in';
  readonly operand: Expr;
  readonly list: readonly Expr[];
  readonly negated: boolean;
}

export interface LikeExpr extends Node {
  readonly kind: 'like';
  readonly operand: Expr;
  readonly pattern: Expr;
  readonly caseInsensitive: boolean;
  readonly negated: boolean;
}

/** `x IS [NOT] NULL | TRUE | FALSE`, `x IS [NOT] DISTINCT FROM y` (then `other` is set). */
export interface IsExpr extends Node {
  readonly kind: 'is';
  readonly operand: Expr;
  readonly what: 'null' | 'true' | 'false' | 'distinct';
  readonly other: Expr | null;
  readonly negated: boolean;
}

/** `int`, `double precision`, `numeric(10,2)`: lower case, words joined by one blank. */
export interface TypeName extends Node {
  readonly name: string;
  readonly args: readonly number[];
}

// ---- Queries

/** A whole query: a body, then ordering and a slice of it. */
export interface Query extends Node {
  readonly kind: 'query';
  readonly body: QueryBody;
  readonly orderBy: readonly OrderItem[];
  readonly limit: Expr | null;
  readonly offset: Expr | null;
}

export type QueryBody = Select | UnionAll | ValuesBody | Query;

export interface Select extends Node {
  readonly kind: 'select';
  readonly distinct: boolean;
  readonly items: readonly SelectItem[];
  /** Comma-separated relations are cross joins. */
  readonly from: TableExpr | null;
  readonly where: Expr | null;
  readonly groupBy: readonly Expr[];
  readonly having: Expr | null;
}

export interface UnionAll extends Node {
  readonly kind: 'unionAll';
  readonly inputs: readonly QueryBody[];
}

export interface ValuesBody extends Node {
  readonly kind: 'values';
  readonly rows: readonly (readonly Expr[])[];
}

export type SelectItem =
  | (Node & { readonly kind: 'star'; readonly relation: Name | null })
  | (Node & { readonly kind: 'item'; readonly expression: Expr; readonly alias: Name | null });

export interface OrderItem extends Node {
  /** An expression, an output name or an output position (a number literal). */
  readonly expression: Expr;
  readonly descending: boolean;
  /** `null`: PostgreSQL's default, last when ascending and first when descending. */
  readonly nullsFirst: boolean | null;
}

export type TableExpr =
  | (Node & { readonly kind: 'table'; readonly table: QualifiedName; readonly alias: Name | null })
  | (Node & {
      readonly kind: 'subquery';
      readonly query: Query;
      readonly alias: Name;
      readonly columns: readonly Name[];
    })
  | JoinExpr;

export interface JoinExpr extends Node {
  readonly kind: 'join';
  readonly type: 'inner' | 'left' | 'cross';
  readonly left: TableExpr;
  readonly right: TableExpr;
  /** Exactly one of `on` and `using` for inner and left joins; neither for cross joins. */
  readonly on: Expr | null;
  readonly using: readonly Name[];
}

// ---- Statements

export type Statement =
  | (Node & { readonly kind: 'select'; readonly query: Query })
  | CreateTable
  | (Node & { readonly kind: 'dropTable'; readonly table: QualifiedName; readonly ifExists: boolean })
  | Insert
  | (Node & { readonly kind: 'explain'; readonly analyze: boolean; readonly statement: Statement })
  | (Node & { readonly kind: 'showTables' })
  | (Node & { readonly kind: 'describe'; readonly table: QualifiedName })
  | Subscribe
  /** `SET name = value`, `SET name TO value`; value as written, unquoted. */
  | (Node & { readonly kind: 'set'; readonly name: string; readonly value: string })
  | (Node & { readonly kind: 'show'; readonly name: string })
  /** `CANCEL QUERY 'id'`. */
  | (Node & { readonly kind: 'cancel'; readonly query: string })
  /** BEGIN, COMMIT, ROLLBACK: accepted for clients that insist; each statement stands alone. */
  | (Node & { readonly kind: 'transaction'; readonly action: 'begin' | 'commit' | 'rollback' });

export interface CreateTable extends Node {
  readonly kind: 'createTable';
  readonly table: QualifiedName;
  readonly ifNotExists: boolean;
  readonly columns: readonly {
    readonly name: Name;
    readonly type: TypeName;
    readonly notNull: boolean;
  }[];
  /** From a column's `PRIMARY KEY` or the table constraint. */
  readonly primaryKey: readonly Name[];
  readonly partitionBy: readonly Name[];
  /** `WITH (lifetime = '1 hour', replicas = 3)`. */
  readonly options: readonly (Node & { readonly name: string; readonly value: string })[];
}

export interface Insert extends Node {
  readonly kind: 'insert';
  readonly table: QualifiedName;
  readonly columns: readonly Name[];
  readonly source: Query;
}

/** `SUBSCRIBE (query) EVERY '1 second' [FOR '1 minute']`. */
export interface Subscribe extends Node {
  readonly kind: 'subscribe';
  readonly query: Query;
  /** Interval text, as written in the quotes. */
  readonly every: { readonly text: string; readonly span: Span };
  readonly duration: { readonly text: string; readonly span: Span } | null;
}
