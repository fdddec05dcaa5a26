import type { IToken } from 'chevrotain';
import type { Expr, Name, OrderItem, Query, QueryBody, Select, SelectItem, TableExpr, ValuesBody } from './ast.ts';
import { FromRules } from './from.ts';
import { meaning, nameOf, tokenSpan } from './rules.ts';
import { BareLabel, ColumnName, Comma, Dot, K, Label, LeftParen, NumberLiteral, RightParen, Star } from './tokens.ts';

type Slice = Pick<Query, 'limit' | 'offset'>;

/** SELECT, VALUES, UNION ALL. */
export abstract class QueryRules extends FromRules {
  readonly query = this.RULE('query', (): Query => {
    this.enter();
    const first = this.LA(1);
    const body = this.SUBRULE(this.unionAll);
    const orderBy: OrderItem[] = [];
    this.OPTION(() => {
      this.CONSUME(K.ORDER);
      this.CONSUME(K.BY);
      this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => orderBy.push(this.SUBRULE(this.orderItem)) });
    });
    const { limit, offset } = this.SUBRULE(this.slice);
    this.leave();
    return { kind: 'query', body, orderBy, limit, offset, span: this.spanFrom(first) };
  });

  private readonly unionAll = this.RULE('unionAll', (): QueryBody => {
    const first = this.LA(1);
    const inputs = [this.SUBRULE1(this.queryTerm)];
    this.MANY(() => {
      this.CONSUME(K.UNION);
      this.CONSUME(K.ALL);
      inputs.push(this.SUBRULE2(this.queryTerm));
    });
    const [only] = inputs;
    if (inputs.length === 1 && only !== undefined) return only;
    return { kind: 'unionAll', inputs, span: this.spanFrom(first) };
  });

  private readonly queryTerm = this.RULE(
    'queryTerm',
    (): QueryBody =>
      this.OR<QueryBody>([
        { ALT: () => this.SUBRULE(this.select) },
        { ALT: () => this.SUBRULE(this.values) },
        { ALT: () => this.SUBRULE(this.wholeTable) },
        {
          ALT: () => {
            this.CONSUME(LeftParen);
            const query = this.SUBRULE(this.query);
            this.CONSUME(RightParen);
            return this.ACTION(() => {
              const plain = query.orderBy.length === 0 && query.limit === null && query.offset === null;
              return plain ? query.body : query;
            });
          },
        },
      ]),
  );

  private readonly select = this.RULE('select', (): Select => {
    const first = this.CONSUME(K.SELECT);
    let distinct = false;
    this.OPTION1(() => {
      distinct =
        this.OR([{ ALT: () => this.CONSUME(K.DISTINCT) }, { ALT: () => this.CONSUME(K.ALL) }]).tokenType === K.DISTINCT;
    });
    const items: SelectItem[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => items.push(this.SUBRULE(this.selectItem)) });
    const from = this.OPTION2(() => {
      this.CONSUME(K.FROM);
      return this.SUBRULE(this.from);
    });
    const where = this.OPTION3(() => {
      this.CONSUME(K.WHERE);
      return this.SUBRULE1(this.expression);
    });
    const groupBy = this.OPTION4(() => {
      this.CONSUME(K.GROUP);
      this.CONSUME(K.BY);
      return this.SUBRULE(this.groupingItems);
    });
    const having = this.OPTION5(() => {
      this.CONSUME(K.HAVING);
      return this.SUBRULE2(this.expression);
    });
    return {
      kind: 'select',
      distinct,
      items,
      from: from ?? null,
      where: where ?? null,
      groupBy: groupBy ?? [],
      having: having ?? null,
      span: this.spanFrom(first),
    };
  });

  private readonly groupingItems = this.RULE('groupingItems', (): readonly Expr[] => {
    const first = this.LA(1);
    const items = this.SUBRULE(this.expressions);
    this.ACTION(() => {
      for (const item of items) {
        if (item.kind !== 'call' || (item.name.text !== 'rollup' && item.name.text !== 'cube')) continue;
        this.refuse(first, `GROUP BY ${item.name.text.toUpperCase()} is not supported yet`, 'unsupported');
      }
    });
    return items;
  });

  private readonly selectItem = this.RULE('selectItem', (): SelectItem => {
    const first = this.LA(1);
    return this.OR<SelectItem>({
      // A name begins both `t.*` and an expression.
      IGNORE_AMBIGUITIES: true,
      DEF: [
        {
          ALT: () => {
            this.CONSUME1(Star);
            return { kind: 'star', relation: null, span: this.spanFrom(first) };
          },
        },
        {
          GATE: () => this.ahead(2, Dot) && this.ahead(3, Star),
          ALT: () => {
            const relation = nameOf(this.CONSUME(ColumnName));
            this.CONSUME(Dot);
            this.CONSUME2(Star);
            return { kind: 'star', relation, span: this.spanFrom(first) };
          },
        },
        {
          ALT: () => {
            const expression = this.SUBRULE(this.expression);
            const alias = this.SUBRULE(this.itemAlias);
            return { kind: 'item', expression, alias, span: this.spanFrom(first) };
          },
        },
      ],
    });
  });

  private readonly itemAlias = this.RULE('itemAlias', (): Name | null => {
    const alias = this.OPTION(() =>
      this.OR([
        {
          ALT: () => {
            this.CONSUME(K.AS);
            return this.CONSUME(Label);
          },
        },
        { ALT: () => this.CONSUME(BareLabel) },
      ]),
    );
    return this.ACTION(() => (alias === undefined ? null : nameOf(alias)));
  });

  private readonly values = this.RULE('values', (): ValuesBody => {
    const first = this.CONSUME(K.VALUES);
    const rows: (readonly Expr[])[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: Comma,
      DEF: () => {
        const opening = this.CONSUME(LeftParen);
        const row = this.SUBRULE(this.expressions);
        this.CONSUME(RightParen);
        this.ACTION(() => {
          const width = rows[0]?.length ?? row.length;
          if (row.length !== width) this.refuse(opening, 'VALUES lists must all be the same length', 'syntax');
          rows.push(row);
        });
      },
    });
    return { kind: 'values', rows, span: this.spanFrom(first) };
  });

  /** `TABLE t`: `SELECT * FROM t`. */
  private readonly wholeTable = this.RULE('wholeTable', (): Select => {
    const first = this.CONSUME(K.TABLE);
    const table = this.SUBRULE(this.qualifiedName);
    const from: TableExpr = { kind: 'table', table, alias: null, span: this.ACTION(() => table.span) };
    const items: SelectItem[] = [{ kind: 'star', relation: null, span: tokenSpan(first) }];
    return {
      kind: 'select',
      distinct: false,
      items,
      from,
      where: null,
      groupBy: [],
      having: null,
      span: this.spanFrom(first),
    };
  });

  private readonly orderItem = this.RULE('orderItem', (): OrderItem => {
    const first = this.LA(1);
    const expression = this.SUBRULE(this.expression);
    let descending = false;
    let nullsFirst: boolean | null = null;
    this.OPTION1(() => {
      descending =
        this.OR1([{ ALT: () => this.CONSUME(K.ASC) }, { ALT: () => this.CONSUME(K.DESC) }]).tokenType === K.DESC;
    });
    this.OPTION2(() => {
      this.CONSUME(K.NULLS);
      nullsFirst =
        this.OR2([{ ALT: () => this.CONSUME(K.FIRST) }, { ALT: () => this.CONSUME(K.LAST) }]).tokenType === K.FIRST;
    });
    return { expression, descending, nullsFirst, span: this.spanFrom(first) };
  });

  // ---- LIMIT, OFFSET, FETCH

  /** In any order, each at most once. */
  private readonly slice = this.RULE('slice', (): Slice => {
    let limit: Expr | null = null;
    let offset: Expr | null = null;
    let limited = false;
    this.MANY(() =>
      this.OR([
        {
          GATE: () => !limited,
          ALT: () => {
            limited = true;
            limit = this.SUBRULE(this.limit);
          },
        },
        {
          GATE: () => offset === null,
          ALT: () => {
            this.CONSUME(K.OFFSET);
            offset = this.SUBRULE(this.expression);
            this.OPTION(() => this.SUBRULE(this.rowWord));
          },
        },
        {
          GATE: () => !limited,
          ALT: () => {
            limited = true;
            limit = this.SUBRULE(this.fetch);
          },
        },
      ]),
    );
    return { limit, offset };
  });

  private readonly limit = this.RULE('limit', (): Expr | null => {
    this.CONSUME(K.LIMIT);
    return this.OR([{ ALT: () => meaning(this.CONSUME(K.ALL), null) }, { ALT: () => this.SUBRULE(this.expression) }]);
  });

  /** `FETCH FIRST [n] ROWS ONLY`; `n` is 1 if left out. */
  private readonly fetch = this.RULE('fetch', (): Expr => {
    const first = this.CONSUME(K.FETCH);
    this.OR1([{ ALT: () => this.CONSUME(K.FIRST) }, { ALT: () => this.CONSUME(K.NEXT) }]);
    const count = this.OPTION(() =>
      this.OR2<Expr>([
        {
          ALT: () => {
            const token = this.CONSUME(NumberLiteral);
            return { kind: 'literal', literal: 'number', text: String(token.payload), span: tokenSpan(token) };
          },
        },
        { ALT: () => this.SUBRULE(this.parameter) },
        {
          ALT: () => {
            this.CONSUME(LeftParen);
            const inner = this.SUBRULE(this.expression);
            this.CONSUME(RightParen);
            return inner;
          },
        },
      ]),
    );
    this.SUBRULE(this.rowWord);
    this.CONSUME(K.ONLY);
    return count ?? { kind: 'literal', literal: 'number', text: '1', span: tokenSpan(first) };
  });

  private readonly rowWord = this.RULE(
    'rowWord',
    (): IToken => this.OR([{ ALT: () => this.CONSUME(K.ROW) }, { ALT: () => this.CONSUME(K.ROWS) }]),
  );
}
