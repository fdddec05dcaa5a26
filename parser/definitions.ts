import type { IToken } from 'chevrotain';
import type { CreateTable, Name, Statement } from './ast.ts';
import { QueryRules } from './queries.ts';
import { meaning, nameOf, nameText } from './rules.ts';
import {
  ColumnName,
  Comma,
  Equal,
  K,
  Label,
  LeftParen,
  Minus,
  NumberLiteral,
  Plus,
  RightParen,
  StringLiteral,
} from './tokens.ts';

type Column = CreateTable['columns'][number];
type Option = CreateTable['options'][number];

/** CREATE TABLE, DROP TABLE. */
export abstract class DefinitionRules extends QueryRules {
  protected readonly createTable = this.RULE('createTable', (): CreateTable => {
    const first = this.CONSUME(K.CREATE);
    this.CONSUME(K.TABLE);
    const ifNotExists = this.OPTION1({
      // `if` is a name too.
      GATE: () => this.ahead(2, K.NOT),
      DEF: () => {
        this.CONSUME(K.IF);
        this.CONSUME(K.NOT);
        return this.CONSUME(K.EXISTS);
      },
    });
    const table = this.SUBRULE(this.qualifiedName);
    const columns: Column[] = [];
    const keys: { readonly word: IToken; readonly names: readonly Name[] }[] = [];
    this.CONSUME1(LeftParen);
    this.AT_LEAST_ONE_SEP1({
      SEP: Comma,
      DEF: () =>
        this.OR([
          {
            ALT: () => {
              const word = this.CONSUME(K.PRIMARY);
              this.CONSUME(K.KEY);
              keys.push({ word, names: this.SUBRULE1(this.nameList) });
            },
          },
          {
            ALT: () => {
              const { column, key } = this.SUBRULE(this.columnDefinition);
              columns.push(column);
              if (key !== null) keys.push({ word: key, names: this.ACTION(() => [column.name]) });
            },
          },
        ]),
    });
    this.CONSUME1(RightParen);
    const partitionBy = this.OPTION2(() => {
      this.CONSUME(K.PARTITION);
      this.CONSUME(K.BY);
      this.CONSUME(K.HASH);
      return this.SUBRULE2(this.nameList);
    });
    const options = this.OPTION3(() => this.SUBRULE(this.tableOptions));
    return this.ACTION(() => {
      const [, second] = keys;
      if (second !== undefined) {
        this.refuse(second.word, `multiple primary keys for table "${table.name}" are not allowed`, 'syntax');
      }
      const primaryKey = keys[0]?.names ?? [];
      const inKey = new Set(primaryKey.map((name) => name.text));
      return {
        kind: 'createTable',
        table,
        ifNotExists: ifNotExists !== undefined,
        columns: columns.map((column) => (inKey.has(column.name.text) ? { ...column, notNull: true } : column)),
        primaryKey,
        partitionBy: partitionBy ?? [],
        options: options ?? [],
        span: this.spanFrom(first),
      };
    });
  });

  private readonly columnDefinition = this.RULE('columnDefinition', (): { column: Column; key: IToken | null } => {
    const name = nameOf(this.CONSUME(ColumnName));
    const type = this.SUBRULE(this.typeName);
    let notNull = false;
    let nullable = false;
    let key: IToken | null = null;
    this.MANY(() =>
      this.OR([
        {
          ALT: () => {
            this.CONSUME(K.NOT);
            this.CONSUME1(K.NULL);
            notNull = true;
          },
        },
        {
          ALT: () => {
            this.CONSUME2(K.NULL);
            nullable = true;
          },
        },
        {
          GATE: () => key === null,
          ALT: () => {
            key = this.CONSUME(K.PRIMARY);
            this.CONSUME(K.KEY);
          },
        },
      ]),
    );
    this.ACTION(() => {
      if (!nullable || (!notNull && key === null)) return;
      this.refuse(this.LA(0), `conflicting NULL/NOT NULL declarations for column "${name.text}"`, 'syntax');
    });
    return { column: { name, type, notNull }, key };
  });

  /** `WITH (lifetime = '1 hour', replicas = 3)`. */
  private readonly tableOptions = this.RULE('tableOptions', (): Option[] => {
    const options: Option[] = [];
    this.CONSUME(K.WITH);
    this.CONSUME(LeftParen);
    this.AT_LEAST_ONE_SEP({
      SEP: Comma,
      DEF: () => {
        const first = this.CONSUME(Label);
        this.CONSUME(Equal);
        const value = this.SUBRULE(this.settingValue);
        options.push({ name: nameText(first), value, span: this.spanFrom(first) });
      },
    });
    this.CONSUME(RightParen);
    return options;
  });

  protected readonly dropTable = this.RULE('dropTable', (): Statement => {
    const first = this.CONSUME(K.DROP);
    this.CONSUME(K.TABLE);
    const ifExists = this.OPTION1({
      GATE: () => this.ahead(2, K.EXISTS),
      DEF: () => {
        this.CONSUME(K.IF);
        return this.CONSUME(K.EXISTS);
      },
    });
    const table = this.SUBRULE(this.qualifiedName);
    // Nothing depends on a table, so the two mean the same.
    this.OPTION2(() => this.OR([{ ALT: () => this.CONSUME(K.CASCADE) }, { ALT: () => this.CONSUME(K.RESTRICT) }]));
    return { kind: 'dropTable', table, ifExists: ifExists !== undefined, span: this.spanFrom(first) };
  });

  /** A string without its quotes, a number with its sign, or a word in lower case. */
  protected readonly settingValue = this.RULE('settingValue', (): string =>
    this.OR1([
      { ALT: () => String(this.CONSUME(StringLiteral).payload) },
      { ALT: () => nameText(this.CONSUME(Label)) },
      {
        ALT: () => {
          const minus = this.OPTION(() =>
            this.OR2([{ ALT: () => this.CONSUME(Minus).image }, { ALT: () => meaning(this.CONSUME(Plus), '') }]),
          );
          return `${minus ?? ''}${String(this.CONSUME(NumberLiteral).payload)}`;
        },
      },
    ]),
  );
}
