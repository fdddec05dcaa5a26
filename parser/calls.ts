import type { IToken, ParserMethod } from 'chevrotain';
import type { CallExpr, Expr, LiteralExpr, Name, TypeName } from './ast.ts';
import { levels } from './operators.ts';
import { meaning, nameOf, nameText, Rules, tokenSpan } from './rules.ts';
import {
  ColumnName,
  Comma,
  Dot,
  FunctionName,
  K,
  Label,
  LeftParen,
  NumberLiteral,
  RightParen,
  Star,
  StringLiteral,
  ValueWord,
} from './tokens.ts';

const intervalFields = ['year', 'month', 'day', 'hour', 'minute', 'second'];

/** Literals, types and calls: the operands that begin with a word, save columns. */
export abstract class CallRules extends Rules {
  abstract readonly expression: ParserMethod<[levelMin?: number, restricted?: boolean], Expr>;
  abstract readonly expressions: ParserMethod<[], Expr[]>;

  protected readonly literal = this.RULE('literal', (): LiteralExpr => {
    const token = this.LA(1);
    const span = tokenSpan(token);
    return this.OR<LiteralExpr>([
      { ALT: () => ({ kind: 'literal', literal: 'number', text: String(this.CONSUME(NumberLiteral).payload), span }) },
      { ALT: () => ({ kind: 'literal', literal: 'string', value: String(this.CONSUME(StringLiteral).payload), span }) },
      { ALT: () => meaning(this.CONSUME(K.NULL), { kind: 'literal', literal: 'null', span }) },
      { ALT: () => meaning(this.CONSUME(K.TRUE), { kind: 'literal', literal: 'boolean', value: true, span }) },
      { ALT: () => meaning(this.CONSUME(K.FALSE), { kind: 'literal', literal: 'boolean', value: false, span }) },
    ]);
  });

  // ---- Types

  /** Words, then numbers in parentheses: `numeric(10, 2)`, `timestamp(3) with time zone`. */
  readonly typeName = this.RULE('typeName', (): TypeName => {
    const first = this.CONSUME(FunctionName);
    let name = nameText(first);
    const args: number[] = [];
    this.OPTION1(() => {
      this.CONSUME(Dot);
      name = this.unqualified(name, nameText(this.CONSUME(Label)));
    });
    this.OPTION2({
      GATE: () => name === 'double',
      DEF: () => {
        this.CONSUME(K.PRECISION);
        name = 'double precision';
      },
    });
    this.OPTION3({
      GATE: () => name === 'character' || name === 'char',
      DEF: () => {
        this.CONSUME(K.VARYING);
        name = `${name} varying`;
      },
    });
    this.OPTION4(() => {
      this.CONSUME(LeftParen);
      this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => args.push(Number(this.CONSUME(NumberLiteral).payload)) });
      this.CONSUME(RightParen);
    });
    this.OPTION5({
      GATE: () => (name === 'timestamp' || name === 'time') && this.ahead(2, K.TIME),
      DEF: () => {
        const zoned = this.OR([{ ALT: () => this.CONSUME(K.WITH) }, { ALT: () => this.CONSUME(K.WITHOUT) }]);
        this.CONSUME(K.TIME);
        this.CONSUME(K.ZONE);
        name = `${name} ${zoned.tokenType === K.WITH ? 'with' : 'without'} time zone`;
      },
    });
    return { name, args, span: this.spanFrom(first) };
  });

  /** PostgreSQL's clients write `pg_catalog.` before built-in types and functions. */
  private unqualified(schema: string, name: string): string {
    return schema === 'pg_catalog' ? name : `${schema}.${name}`;
  }

  /** True when a type's name comes next, and then a string. */
  protected typedStringAhead(): boolean {
    if (!this.ahead(1, FunctionName)) return false;
    if (this.ahead(2, StringLiteral)) return true;
    let k = 2;
    if (this.ahead(k, K.PRECISION) || this.ahead(k, K.VARYING)) k += 1;
    if (this.ahead(k, LeftParen)) k += Number(this.LA(k).payload ?? 0) + 1;
    if ((this.ahead(k, K.WITH) || this.ahead(k, K.WITHOUT)) && this.ahead(k + 1, K.TIME)) k += 3;
    return this.ahead(k, StringLiteral);
  }

  /** `DATE '2001-01-01'`; `INTERVAL '1' DAY` is `INTERVAL '1 day'`. */
  protected readonly typedString = this.RULE('typedString', (): Expr => {
    const first = this.LA(1);
    const type = this.SUBRULE(this.typeName);
    let value = String(this.CONSUME(StringLiteral).payload);
    this.OPTION({
      GATE: () => type.name === 'interval' && intervalFields.some((field) => this.wordAhead(1, field)),
      DEF: () => {
        const field = this.CONSUME(FunctionName);
        this.ACTION(() => {
          if (this.ahead(1, K.TO) || !/^\s*[-+]?[\d.]+\s*$/.test(value)) {
            const hint = "Write the units in the quotes, as in INTERVAL '1 day 02:00'.";
            this.refuse(field, 'intervals of several fields are not supported yet', 'unsupported', hint);
          }
          value = `${value.trim()} ${nameText(field)}`;
        });
      },
    });
    return { kind: 'literal', literal: 'typed', type, value, span: this.spanFrom(first) };
  });

  // ---- Calls

  /** True when a function's name comes next, and then its arguments. */
  protected callAhead(): boolean {
    if (this.ahead(1, FunctionName) && this.ahead(2, LeftParen)) return true;
    return this.ahead(1, ColumnName) && this.ahead(2, Dot) && this.ahead(4, LeftParen);
  }

  protected readonly call = this.RULE('call', (): Expr => {
    const first = this.CONSUME(FunctionName);
    let name = nameOf(first);
    this.OPTION1(() => {
      this.CONSUME(Dot);
      const second = this.CONSUME(Label);
      name = { text: this.unqualified(name.text, nameText(second)), span: this.spanFrom(first) };
    });
    this.CONSUME(LeftParen);
    const star = this.OPTION2(() => this.CONSUME(Star)) !== undefined;
    let distinct = false;
    let args: readonly Expr[] = [];
    this.OPTION3({
      GATE: () => !star,
      DEF: () => {
        this.OPTION4(() => {
          distinct =
            this.OR([{ ALT: () => this.CONSUME(K.DISTINCT) }, { ALT: () => this.CONSUME(K.ALL) }]).tokenType ===
            K.DISTINCT;
        });
        args = this.SUBRULE(this.expressions);
      },
    });
    this.CONSUME(RightParen);
    return { kind: 'call', name, args, star, distinct, span: this.spanFrom(first) };
  });

  /** `CURRENT_TIMESTAMP`, `CURRENT_TIMESTAMP(3)`, `CURRENT_SCHEMA()`. */
  protected readonly valueCall = this.RULE('valueCall', (): Expr => {
    const word = this.CONSUME(ValueWord);
    let args: readonly Expr[] = [];
    this.OPTION1(() => {
      this.CONSUME(LeftParen);
      this.OPTION2(() => {
        args = [this.SUBRULE(this.literal)];
      });
      this.CONSUME(RightParen);
    });
    return plainCall(word, nameText(word), args, this.spanFrom(word));
  });

  /** `EXTRACT(field FROM x)`: `extract('field', x)`. */
  protected readonly extract = this.RULE('extract', (): Expr => {
    const word = this.CONSUME(K.EXTRACT);
    this.CONSUME(LeftParen);
    const field = this.OR([{ ALT: () => this.CONSUME(ColumnName) }, { ALT: () => this.CONSUME(StringLiteral) }]);
    this.CONSUME(K.FROM);
    const operand = this.SUBRULE(this.expression);
    this.CONSUME(RightParen);
    return this.ACTION(() => {
      const value = field.tokenType === StringLiteral ? String(field.payload).toLowerCase() : nameText(field);
      const fieldText: Expr = { kind: 'literal', literal: 'string', value, span: tokenSpan(field) };
      return plainCall(word, 'extract', [fieldText, operand], this.spanFrom(word));
    });
  });

  /** `SUBSTRING(x FROM a FOR b)`: `substring(x, a, b)`; without `FROM`, `a` is 1. */
  protected readonly substring = this.RULE('substring', (): Expr => {
    const word = this.CONSUME(K.SUBSTRING);
    this.CONSUME(LeftParen);
    const args: Expr[] = this.SUBRULE(this.expressions);
    let from: Expr | null = null;
    let count: Expr | null = null;
    // FROM and FOR in either order, each once.
    this.MANY(() =>
      this.OR([
        {
          GATE: () => from === null && args.length === 1,
          ALT: () => {
            this.CONSUME(K.FROM);
            from = this.SUBRULE1(this.expression);
          },
        },
        {
          GATE: () => count === null && args.length === 1,
          ALT: () => {
            this.CONSUME(K.FOR);
            count = this.SUBRULE2(this.expression);
          },
        },
      ]),
    );
    this.CONSUME(RightParen);
    const span = this.spanFrom(word);
    const one: Expr = { kind: 'literal', literal: 'number', text: '1', span };
    const more = count === null ? (from === null ? [] : [from]) : [from ?? one, count];
    return plainCall(
      word,
      'substring',
      this.ACTION(() => [...args, ...more]),
      span,
    );
  });

  /** `POSITION(part IN text)`: `position(text, part)`, PostgreSQL's own order. */
  protected readonly position = this.RULE('position', (): Expr => {
    const word = this.CONSUME(K.POSITION);
    this.CONSUME(LeftParen);
    const part = this.SUBRULE(this.expression, { ARGS: [levels.is, true] });
    this.CONSUME(K.IN);
    const text = this.SUBRULE2(this.expression, { ARGS: [levels.is, true] });
    this.CONSUME(RightParen);
    return plainCall(word, 'position', [text, part], this.spanFrom(word));
  });

  /** `TRIM([BOTH | LEADING | TRAILING] [characters] FROM x)`: `btrim`, `ltrim`, `rtrim(x [, characters])`. */
  protected readonly trim = this.RULE('trim', (): Expr => {
    const word = this.CONSUME(K.TRIM);
    this.CONSUME(LeftParen);
    const side = this.OPTION1(() =>
      this.OR1([
        { ALT: () => meaning(this.CONSUME(K.BOTH), 'btrim') },
        { ALT: () => meaning(this.CONSUME(K.LEADING), 'ltrim') },
        { ALT: () => meaning(this.CONSUME(K.TRAILING), 'rtrim') },
      ]),
    );
    let characters: readonly Expr[] = [];
    let texts: readonly Expr[] = [];
    this.OR2([
      { ALT: () => (texts = this.SUBRULE1(this.trimmed)) },
      {
        ALT: () => {
          characters = this.SUBRULE2(this.expressions);
          this.OPTION2({
            GATE: () => characters.length === 1,
            DEF: () => (texts = this.SUBRULE3(this.trimmed)),
          });
        },
      },
    ]);
    this.CONSUME(RightParen);
    const args = this.ACTION(() => [...texts, ...characters]);
    return plainCall(word, side ?? 'btrim', args, this.spanFrom(word));
  });

  private readonly trimmed = this.RULE('trimmed', (): readonly Expr[] => {
    this.CONSUME(K.FROM);
    return this.SUBRULE(this.expressions);
  });
}

function plainCall(word: IToken, text: string, args: readonly Expr[], span: Expr['span']): CallExpr {
  const name: Name = { text, span: tokenSpan(word) };
  return { kind: 'call', name, args, star: false, distinct: false, span };
}
