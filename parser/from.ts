import type { ParserMethod } from 'chevrotain';
import type { JoinExpr, Name, QualifiedName, Query, TableExpr } from './ast.ts';
import { ExpressionRules } from './expressions.ts';
import { nameOf, nameText, nestingMax } from './rules.ts';
import { ColumnName, Comma, Dot, K, Label, LeftParen, RightParen } from './tokens.ts';

type JoinCondition = Pick<JoinExpr, 'on' | 'using'>;

/** What can stand behind a parenthesised query within a larger one. */
const queryContinues = [K.UNION, K.INTERSECT, K.EXCEPT, K.ORDER, K.LIMIT, K.OFFSET, K.FETCH];

/** What a FROM clause holds: tables, joins, subqueries. */
export abstract class FromRules extends ExpressionRules {
  abstract readonly query: ParserMethod<[], Query>;

  protected readonly from = this.RULE('from', (): TableExpr => {
    const first = this.LA(1);
    let left: TableExpr = this.SUBRULE1(this.joined);
    this.MANY(() => {
      this.CONSUME(Comma);
      const right = this.SUBRULE2(this.joined);
      left = { kind: 'join', type: 'cross', left, right, on: null, using: [], span: this.spanFrom(first) };
    });
    return left;
  });

  /** A table and what is joined to it. `a JOIN b JOIN c ON p ON q` nests to the right, as in PostgreSQL. */
  private readonly joined = this.RULE('joined', (): TableExpr => {
    this.enter();
    const first = this.LA(1);
    let left: TableExpr = this.SUBRULE1(this.tableTerm);
    this.MANY(() => {
      left = this.OR<TableExpr>([
        {
          ALT: () => {
            this.CONSUME(K.CROSS);
            this.CONSUME1(K.JOIN);
            const right = this.SUBRULE2(this.tableTerm);
            return { kind: 'join', type: 'cross', left, right, on: null, using: [], span: this.spanFrom(first) };
          },
        },
        {
          ALT: () => {
            const type = this.SUBRULE(this.joinType);
            const right = this.SUBRULE(this.joined);
            const { on, using } = this.SUBRULE(this.joinCondition);
            return { kind: 'join', type, left, right, on, using, span: this.spanFrom(first) };
          },
        },
      ]);
    });
    this.leave();
    return left;
  });

  private readonly joinType = this.RULE('joinType', (): 'inner' | 'left' => {
    let type: 'inner' | 'left' = 'inner';
    this.OPTION1(() =>
      this.OR([
        { ALT: () => this.CONSUME(K.INNER) },
        {
          ALT: () => {
            type = 'left';
            this.CONSUME(K.LEFT);
            this.OPTION2(() => this.CONSUME(K.OUTER));
          },
        },
      ]),
    );
    this.CONSUME(K.JOIN);
    return type;
  });

  private readonly joinCondition = this.RULE(
    'joinCondition',
    (): JoinCondition =>
      this.OR<JoinCondition>([
        {
          ALT: () => {
            this.CONSUME(K.ON);
            return { on: this.SUBRULE(this.expression), using: [] };
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.USING);
            return { on: null, using: this.SUBRULE(this.nameList) };
          },
        },
      ]),
  );

  private readonly tableTerm = this.RULE('tableTerm', (): TableExpr => {
    const first = this.LA(1);
    return this.OR<TableExpr>({
      // A parenthesis begins both a subquery and a nested join.
      IGNORE_AMBIGUITIES: true,
      DEF: [
        { GATE: () => this.queryInParenthesesAhead(), ALT: () => this.SUBRULE(this.subquery) },
        {
          ALT: () => {
            this.CONSUME(LeftParen);
            const inner = this.SUBRULE(this.joined);
            this.CONSUME(RightParen);
            return inner;
          },
        },
        {
          ALT: () => {
            const table = this.SUBRULE(this.qualifiedName);
            const alias = this.SUBRULE(this.tableAlias);
            return { kind: 'table', table, alias, span: this.spanFrom(first) };
          },
        },
      ],
    });
  });

  private readonly subquery = this.RULE('subquery', (): TableExpr => {
    const first = this.CONSUME(LeftParen);
    const query = this.SUBRULE(this.query);
    this.CONSUME(RightParen);
    const alias = this.SUBRULE(this.tableAlias);
    const columns = this.OPTION({ GATE: () => alias !== null, DEF: () => this.SUBRULE(this.nameList) }) ?? [];
    return this.ACTION(() => {
      if (alias === null) {
        const hint = 'For example, FROM (SELECT ...) AS recent.';
        return this.refuse(first, 'subquery in FROM must have an alias', 'syntax', hint);
      }
      return { kind: 'subquery', query, alias, columns, span: this.spanFrom(first) };
    });
  });

  private readonly tableAlias = this.RULE('tableAlias', (): Name | null => {
    const alias = this.OPTION1(() => {
      this.OPTION2(() => this.CONSUME(K.AS));
      return this.CONSUME(ColumnName);
    });
    return this.ACTION(() => (alias === undefined ? null : nameOf(alias)));
  });

  /**
   * True when a parenthesis comes next that holds a query, however deep in parentheses of its own: what follows the
   * inner parenthesis tells `((SELECT 1) UNION ALL …)` from `((SELECT 1) AS a JOIN …)`.
   */
  protected queryInParenthesesAhead(): boolean {
    for (let k = 1; k <= nestingMax && this.ahead(k, LeftParen); k += 1) {
      if (this.ahead(k + 1, K.SELECT) || this.ahead(k + 1, K.WITH) || this.ahead(k + 1, K.TABLE)) return true;
      if (this.ahead(k + 1, K.VALUES)) return this.ahead(k + 2, LeftParen);
      if (!this.ahead(k + 1, LeftParen)) return false;
      const behind = k + 2 + Number(this.LA(k + 1).payload ?? 0);
      const type = this.LA(behind).tokenType;
      if (queryContinues.includes(type)) return true;
      if (type !== RightParen) return false;
    }
    return false;
  }

  // ---- Names

  readonly qualifiedName = this.RULE('qualifiedName', (): QualifiedName => {
    const first = this.CONSUME(ColumnName);
    const second = this.OPTION(() => {
      this.CONSUME(Dot);
      return this.CONSUME(Label);
    });
    const span = this.spanFrom(first);
    return this.ACTION(() => {
      if (second === undefined) return { schema: null, name: nameText(first), span };
      return { schema: nameText(first), name: nameText(second), span };
    });
  });

  /** `(a, b)`. */
  readonly nameList = this.RULE('nameList', (): Name[] => {
    const names: Name[] = [];
    this.CONSUME(LeftParen);
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => names.push(nameOf(this.CONSUME(ColumnName))) });
    this.CONSUME(RightParen);
    return names;
  });
}
