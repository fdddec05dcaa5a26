import assert from 'node:assert/strict';
import { EMPTY_ALT, type IToken } from 'chevrotain';
import type { Insert, Name, Statement, Subscribe } from './ast.ts';
import { meaning, nameText, tokenSpan } from './rules.ts';
import { ColumnName, Comma, Dot, Equal, K, Label, LeftParen, RightParen, StringLiteral } from './tokens.ts';
import { TransactionRules } from './transactions.ts';

/** What became of a statement's tokens: a tree, or the index of the token that fits nowhere. */
type Outcome =
  | { readonly ok: true; readonly statement: Statement }
  /** `index` is the number of tokens when the statement ends too early. */
  | { readonly ok: false; readonly index: number };

/** The whole grammar. One instance takes one statement after another. */
export class StatementRules extends TransactionRules {
  constructor() {
    super();
    this.performSelfAnalysis();
  }

  /**
   * Takes one statement, without its semicolon.
   *
   * @throws ParseError for what is well-formed and still refused
   */
  run(sql: string, tokens: readonly IToken[]): Outcome {
    this.load(sql, tokens);
    const statement = this.statement();
    const [error] = this.errors;
    if (error === undefined) {
      assert(statement !== undefined, 'the grammar gave neither a statement nor an error');
      return { ok: true, statement };
    }
    const index = tokens.indexOf(error.token);
    return { ok: false, index: index < 0 ? tokens.length : index };
  }

  readonly statement = this.RULE(
    'statement',
    (): Statement =>
      this.OR<Statement>([
        { ALT: () => this.SUBRULE(this.queryStatement) },
        { ALT: () => this.SUBRULE(this.insert) },
        { ALT: () => this.SUBRULE(this.subscribe) },
        { ALT: () => this.SUBRULE(this.createTable) },
        { ALT: () => this.SUBRULE(this.dropTable) },
        { ALT: () => this.SUBRULE(this.explain) },
        { ALT: () => this.SUBRULE(this.describe) },
        { ALT: () => this.SUBRULE(this.show) },
        { ALT: () => this.SUBRULE(this.set) },
        { ALT: () => this.SUBRULE(this.cancel) },
        { ALT: () => this.SUBRULE(this.transaction) },
      ]),
  );

  private readonly queryStatement = this.RULE('queryStatement', (): Statement => {
    const first = this.LA(1);
    const query = this.SUBRULE(this.query);
    return { kind: 'select', query, span: this.spanFrom(first) };
  });

  private readonly insert = this.RULE('insert', (): Insert => {
    const first = this.CONSUME(K.INSERT);
    this.CONSUME(K.INTO);
    const table = this.SUBRULE(this.qualifiedName);
    const columns = this.OPTION({
      GATE: () => !this.queryInParenthesesAhead(),
      DEF: (): readonly Name[] => this.SUBRULE(this.nameList),
    });
    const source = this.SUBRULE(this.query);
    return { kind: 'insert', table, columns: columns ?? [], source, span: this.spanFrom(first) };
  });

  private readonly subscribe = this.RULE('subscribe', (): Subscribe => {
    const first = this.CONSUME(K.SUBSCRIBE);
    this.CONSUME(LeftParen);
    const query = this.SUBRULE(this.query);
    this.CONSUME(RightParen);
    this.CONSUME(K.EVERY);
    const every = this.SUBRULE1(this.interval);
    const duration = this.OPTION(() => {
      this.CONSUME(K.FOR);
      return this.SUBRULE2(this.interval);
    });
    return { kind: 'subscribe', query, every, duration: duration ?? null, span: this.spanFrom(first) };
  });

  /** `'1 second'` or `INTERVAL '1 second'`. */
  private readonly interval = this.RULE('interval', (): Subscribe['every'] => {
    this.OPTION(() => this.CONSUME(K.INTERVAL));
    const token = this.CONSUME(StringLiteral);
    return { text: String(token.payload), span: tokenSpan(token) };
  });

  private readonly explain = this.RULE('explain', (): Statement => {
    const first = this.CONSUME(K.EXPLAIN);
    let analyze = false;
    this.OPTION({
      GATE: () => !this.queryInParenthesesAhead(),
      DEF: () => {
        analyze = true;
        this.OR1([
          { ALT: () => this.CONSUME1(K.ANALYZE) },
          {
            ALT: () => {
              this.CONSUME(LeftParen);
              this.CONSUME2(K.ANALYZE);
              this.CONSUME(RightParen);
            },
          },
        ]);
      },
    });
    const statement = this.OR2<Statement>([
      { ALT: () => this.SUBRULE(this.queryStatement) },
      { ALT: () => this.SUBRULE(this.insert) },
      { ALT: () => this.SUBRULE(this.subscribe) },
    ]);
    return { kind: 'explain', analyze, statement, span: this.spanFrom(first) };
  });

  private readonly describe = this.RULE('describe', (): Statement => {
    const first = this.LA(1);
    this.OR([{ ALT: () => this.CONSUME(K.DESCRIBE) }, { ALT: () => this.CONSUME(K.DESC) }]);
    this.OPTION(() => this.CONSUME(K.TABLE));
    const table = this.SUBRULE(this.qualifiedName);
    return { kind: 'describe', table, span: this.spanFrom(first) };
  });

  private readonly cancel = this.RULE('cancel', (): Statement => {
    const first = this.CONSUME(K.CANCEL);
    this.CONSUME(K.QUERY);
    const query = String(this.CONSUME(StringLiteral).payload);
    return { kind: 'cancel', query, span: this.spanFrom(first) };
  });

  // ---- Settings

  /** `SHOW TABLES`, `SHOW ALL`, `SHOW setting`. */
  private readonly show = this.RULE('show', (): Statement => {
    const first = this.CONSUME(K.SHOW);
    const name = this.OR([
      { ALT: () => meaning(this.CONSUME(K.ALL), 'all') },
      { ALT: () => this.SUBRULE(this.settingName) },
    ]);
    const span = this.spanFrom(first);
    return name === 'tables' ? { kind: 'showTables', span } : { kind: 'show', name, span };
  });

  /** `SET [SESSION] name = value`, `TO` for `=`; `SET TIME ZONE value`. A list's values are joined by `, `. */
  private readonly set = this.RULE('set', (): Statement => {
    const first = this.CONSUME(K.SET);
    this.OPTION({
      GATE: () => !this.ahead(2, Equal) && !this.ahead(2, K.TO) && !this.ahead(2, Dot),
      DEF: () => this.CONSUME(K.SESSION),
    });
    const name = this.SUBRULE(this.settingName);
    this.OR([
      { ALT: () => this.CONSUME(Equal) },
      { ALT: () => this.CONSUME(K.TO) },
      // The standard's `SET TIME ZONE 'UTC'`.
      { GATE: () => this.ahead(0, K.ZONE), ALT: EMPTY_ALT() },
    ]);
    const values: string[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => values.push(this.SUBRULE(this.settingValue)) });
    return { kind: 'set', name, value: values.join(', '), span: this.spanFrom(first) };
  });

  /** Lower case; `TIME ZONE` is `timezone`, `TRANSACTION ISOLATION LEVEL` is `transaction_isolation`. */
  private readonly settingName = this.RULE('settingName', (): string =>
    this.OR<string>({
      // These words are names too.
      IGNORE_AMBIGUITIES: true,
      DEF: [
        {
          GATE: () => this.ahead(2, K.ZONE),
          ALT: () => {
            this.CONSUME(K.TIME);
            this.CONSUME(K.ZONE);
            return 'timezone';
          },
        },
        {
          GATE: () => this.ahead(2, K.ISOLATION),
          ALT: () => {
            this.CONSUME(K.TRANSACTION);
            this.CONSUME(K.ISOLATION);
            this.CONSUME(K.LEVEL);
            return 'transaction_isolation';
          },
        },
        {
          ALT: () => {
            const words = [nameText(this.CONSUME(ColumnName))];
            this.MANY(() => {
              this.CONSUME(Dot);
              words.push(nameText(this.CONSUME(Label)));
            });
            return words.join('.');
          },
        },
      ],
    }),
  );
}
