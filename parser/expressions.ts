import type { IToken } from 'chevrotain';
import type { Expr } from './ast.ts';
import { CallRules } from './calls.ts';
import { binaryLevels, binaryOperators, levelMaxAfter, levels } from './operators.ts';
import { meaning, nameOf, tokenSpan } from './rules.ts';
import {
  BinaryToken,
  ColumnName,
  Comma,
  Dot,
  K,
  Label,
  LeftParen,
  Minus,
  Parameter,
  Plus,
  RightParen,
  TypeCast,
} from './tokens.ts';

/** PostgreSQL's wire protocol counts parameters in 16 bits. */
const parametersMax = 65_535;

/** Expressions, by precedence climbing over the table in operators.ts. */
export abstract class ExpressionRules extends CallRules {
  /** The second `<` of `a < b < c`: no operand further out may take it either. */
  #blocked: IToken | null = null;

  /**
   * @param levelMin the loosest operator taken
   * @param restricted PostgreSQL's b_expr: no AND, OR, NOT, BETWEEN, IN, LIKE, IS NULL outside parentheses
   */
  readonly expression = this.RULE('expression', (levelMin: number = levels.or, restricted: boolean = false): Expr => {
    this.enter();
    const first = this.LA(1);
    let levelMax: number = levels.cast;
    if (first.tokenType === K.NOT) levelMax = levels.not;
    else if (first.tokenType === Minus || first.tokenType === Plus) levelMax = levels.sign;
    let expr: Expr = this.SUBRULE(this.operand, { ARGS: [restricted] });
    this.MANY({
      GATE: () => {
        const level = this.levelAhead(restricted);
        if (level > levelMax) this.#blocked = this.LA(1);
        return level >= levelMin && level <= levelMax;
      },
      DEF: () => {
        expr = this.SUBRULE(this.continued, { ARGS: [first, expr, restricted] });
        this.ACTION(() => {
          levelMax = levelMaxAfter(expr);
        });
      },
    });
    this.leave();
    return expr;
  });

  /** How tightly the operator binds that comes next; 0 when none does. */
  private levelAhead(restricted: boolean): number {
    const { tokenType: type } = this.LA(1);
    if (this.LA(1) === this.#blocked) return 0;
    const operator = binaryOperators.get(type);
    if (operator !== undefined) {
      const level = binaryLevels[operator];
      return restricted && level < levels.not ? 0 : level;
    }
    if (type === TypeCast) return levels.cast;
    if (type === K.IS) {
      const isDistinct = this.ahead(2, K.DISTINCT) || (this.ahead(2, K.NOT) && this.ahead(3, K.DISTINCT));
      return restricted && !isDistinct ? 0 : levels.is;
    }
    if (restricted) return 0;
    if (type === K.ISNULL || type === K.NOTNULL) return levels.is;
    return this.rangeAhead(type === K.NOT ? 2 : 1) ? levels.range : 0;
  }

  private rangeAhead(k: number): boolean {
    const type = this.LA(k).tokenType;
    return type === K.BETWEEN || type === K.IN || type === K.LIKE || type === K.ILIKE;
  }

  /** An operator and what stands to its right, given what stands to its left. */
  private readonly continued = this.RULE(
    'continued',
    (first: IToken, left: Expr, restricted: boolean): Expr =>
      this.OR([
        {
          ALT: () => {
            const operator = binaryOperators.get(this.CONSUME(BinaryToken).tokenType) ?? '=';
            const right = this.SUBRULE(this.expression, { ARGS: [binaryLevels[operator] + 1, restricted] });
            return { kind: 'binary', operator, left, right, span: this.spanFrom(first) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(TypeCast);
            const type = this.SUBRULE(this.typeName);
            return { kind: 'cast', operand: left, type, span: this.spanFrom(first) };
          },
        },
        { ALT: () => this.SUBRULE(this.isTail, { ARGS: [first, left, restricted] }) },
        {
          ALT: () => {
            this.CONSUME(K.ISNULL);
            return { kind: 'is', operand: left, what: 'null', other: null, negated: false, span: this.spanFrom(first) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.NOTNULL);
            return { kind: 'is', operand: left, what: 'null', other: null, negated: true, span: this.spanFrom(first) };
          },
        },
        { ALT: () => this.SUBRULE(this.rangeTail, { ARGS: [first, left] }) },
      ]),
  );

  private readonly isTail = this.RULE('isTail', (first: IToken, operand: Expr, restricted: boolean): Expr => {
    this.CONSUME(K.IS);
    const negated = this.OPTION(() => this.CONSUME(K.NOT)) !== undefined;
    const { what, other } = this.OR<{ what: 'null' | 'true' | 'false' | 'distinct'; other: Expr | null }>([
      { ALT: () => meaning(this.CONSUME(K.NULL), { what: 'null', other: null }) },
      { ALT: () => meaning(this.CONSUME(K.UNKNOWN), { what: 'null', other: null }) },
      { ALT: () => meaning(this.CONSUME(K.TRUE), { what: 'true', other: null }) },
      { ALT: () => meaning(this.CONSUME(K.FALSE), { what: 'false', other: null }) },
      {
        ALT: () => {
          this.CONSUME(K.DISTINCT);
          this.CONSUME(K.FROM);
          return { what: 'distinct', other: this.SUBRULE(this.expression, { ARGS: [levels.is + 1, restricted] }) };
        },
      },
    ]);
    return { kind: 'is', operand, what, other, negated, span: this.spanFrom(first) };
  });

  private readonly rangeTail = this.RULE('rangeTail', (first: IToken, operand: Expr): Expr => {
    const negated = this.OPTION(() => this.CONSUME(K.NOT)) !== undefined;
    return this.OR<Expr>([
      {
        ALT: () => {
          this.CONSUME(K.BETWEEN);
          const low = this.SUBRULE(this.expression, { ARGS: [levels.is, true] });
          this.CONSUME(K.AND);
          const high = this.SUBRULE2(this.expression, { ARGS: [levels.range + 1, false] });
          return { kind: 'between', operand, low, high, negated, span: this.spanFrom(first) };
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.IN);
          this.CONSUME(LeftParen);
          const list = this.SUBRULE(this.expressions);
          this.CONSUME(RightParen);
          return { kind: 'in', operand, list, negated, span: this.spanFrom(first) };
        },
      },
      {
        ALT: () => {
          const like = this.OR2([{ ALT: () => this.CONSUME(K.LIKE) }, { ALT: () => this.CONSUME(K.ILIKE) }]);
          const pattern = this.SUBRULE3(this.expression, { ARGS: [levels.range + 1, false] });
          const caseInsensitive = like.tokenType === K.ILIKE;
          return { kind: 'like', operand, pattern, caseInsensitive, negated, span: this.spanFrom(first) };
        },
      },
    ]);
  });

  readonly expressions = this.RULE('expressions', (): Expr[] => {
    const list: Expr[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => list.push(this.SUBRULE(this.expression)) });
    return list;
  });

  // ---- Operands

  private readonly operand = this.RULE(
    'operand',
    (restricted: boolean): Expr =>
      this.OR<Expr>({
        // Names begin calls, typed strings and columns alike; the gates tell them apart, the column comes last.
        IGNORE_AMBIGUITIES: true,
        DEF: [
          { ALT: () => this.SUBRULE(this.literal) },
          { ALT: () => this.SUBRULE(this.parameter) },
          { ALT: () => this.SUBRULE(this.signed, { ARGS: [restricted] }) },
          { GATE: () => !restricted, ALT: () => this.SUBRULE(this.not) },
          {
            ALT: () => {
              this.CONSUME(LeftParen);
              const inner = this.SUBRULE(this.expression);
              this.CONSUME(RightParen);
              return inner;
            },
          },
          { ALT: () => this.SUBRULE(this.caseWhen) },
          { ALT: () => this.SUBRULE(this.cast) },
          { GATE: () => this.ahead(2, LeftParen), ALT: () => this.SUBRULE(this.extract) },
          { GATE: () => this.ahead(2, LeftParen), ALT: () => this.SUBRULE(this.substring) },
          { GATE: () => this.ahead(2, LeftParen), ALT: () => this.SUBRULE(this.position) },
          { GATE: () => this.ahead(2, LeftParen), ALT: () => this.SUBRULE(this.trim) },
          { ALT: () => this.SUBRULE(this.valueCall) },
          { GATE: () => this.typedStringAhead(), ALT: () => this.SUBRULE(this.typedString) },
          { GATE: () => this.callAhead(), ALT: () => this.SUBRULE(this.call) },
          { ALT: () => this.SUBRULE(this.column) },
        ],
      }),
  );

  readonly parameter = this.RULE('parameter', (): Expr => {
    const token = this.CONSUME(Parameter);
    const index = Number(token.payload);
    this.ACTION(() => {
      if (index >= 1 && index <= parametersMax) return;
      this.refuse(
        token,
        `there is no parameter ${token.image}`,
        'syntax',
        `Parameters count from $1 to $${parametersMax}.`,
      );
    });
    return { kind: 'parameter', index, span: tokenSpan(token) };
  });

  private readonly signed = this.RULE('signed', (restricted: boolean): Expr => {
    const sign = this.OR([{ ALT: () => this.CONSUME(Minus) }, { ALT: () => this.CONSUME(Plus) }]);
    const operand = this.SUBRULE(this.expression, { ARGS: [levels.sign, restricted] });
    return { kind: 'unary', operator: sign.tokenType === Minus ? '-' : '+', operand, span: this.spanFrom(sign) };
  });

  private readonly not = this.RULE('not', (): Expr => {
    const first = this.CONSUME(K.NOT);
    const operand = this.SUBRULE(this.expression, { ARGS: [levels.not, false] });
    return { kind: 'unary', operator: 'not', operand, span: this.spanFrom(first) };
  });

  private readonly caseWhen = this.RULE('caseWhen', (): Expr => {
    const first = this.CONSUME(K.CASE);
    const operand = this.OPTION(() => this.SUBRULE(this.expression)) ?? null;
    const branches: { when: Expr; then: Expr }[] = [];
    this.AT_LEAST_ONE(() => {
      this.CONSUME(K.WHEN);
      const when = this.SUBRULE2(this.expression);
      this.CONSUME(K.THEN);
      branches.push({ when, then: this.SUBRULE3(this.expression) });
    });
    const otherwise = this.OPTION2(() => {
      this.CONSUME(K.ELSE);
      return this.SUBRULE4(this.expression);
    });
    this.CONSUME(K.END);
    return { kind: 'case', operand, branches, otherwise: otherwise ?? null, span: this.spanFrom(first) };
  });

  private readonly cast = this.RULE('cast', (): Expr => {
    const first = this.CONSUME(K.CAST);
    this.CONSUME(LeftParen);
    const operand = this.SUBRULE(this.expression);
    this.CONSUME(K.AS);
    const type = this.SUBRULE(this.typeName);
    this.CONSUME(RightParen);
    return { kind: 'cast', operand, type, span: this.spanFrom(first) };
  });

  /** `name` or `relation.name`. */
  private readonly column = this.RULE('column', (): Expr => {
    const first = this.CONSUME(ColumnName);
    const second = this.OPTION(() => {
      this.CONSUME(Dot);
      return this.CONSUME(Label);
    });
    return this.ACTION(() => {
      const [relation, name] = second === undefined ? [null, nameOf(first)] : [nameOf(first), nameOf(second)];
      return { kind: 'column', relation, name, span: this.spanFrom(first) };
    });
  });
}
