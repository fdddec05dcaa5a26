import { createToken, type ITokenConfig, Lexer, type TokenType } from 'chevrotain';
import {
  columnWords,
  freeWords,
  functionWords,
  type Keyword,
  operatorWords,
  reservedWords,
  valueWords,
} from './keywords.ts';
import { type Scan, scanComment, scanNumber, scanParameter, scanQuotedIdentifier, scanString } from './scan.ts';

// ---- Classes of words, after PostgreSQL's grammar

const category = (name: string): TokenType => createToken({ name, pattern: Lexer.NA });

/** PostgreSQL's ColLabel: after `AS` and after a dot any word will do. */
export const Label = category('Label');
/** An alias without `AS`. */
export const BareLabel = category('BareLabel');
/** PostgreSQL's ColId: a column, a table, a table's alias. */
export const ColumnName = category('ColumnName');
/** PostgreSQL's type_function_name. */
export const FunctionName = category('FunctionName');
/** `CURRENT_DATE` and its like. */
export const ValueWord = category('ValueWord');
/** Every operator with an operand on either side that is one token. */
export const BinaryToken = category('BinaryToken');

const anyName = [Label, BareLabel, ColumnName, FunctionName];

// ---- Names, literals, space

type Scanner = (sql: string, start: number) => Scan | null;

const scannedToken = (
  name: string,
  scan: Scanner,
  firstCharacters: string,
  more: Partial<ITokenConfig> = {},
): TokenType =>
  createToken({ name, pattern: { exec: scan }, start_chars_hint: [...firstCharacters], line_breaks: true, ...more });

// PostgreSQL takes all of these for letters. Texts copied from web pages hold them as blanks.
const blanks = '\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff';
const letters =
  'A-Za-z_\\u0080-\\u009f\\u00a1-\\u167f\\u1681-\\u1fff\\u200b-\\u2027\\u202a-\\u202e\\u2030-\\u205e\\u2060-\\u2fff\\u3001-\\ufefe\\uff00-\\uffff';

const WhiteSpace = createToken({
  name: 'WhiteSpace',
  pattern: new RegExp(`[ \\t\\n\\r\\f\\v${blanks}]+`),
  line_breaks: true,
  group: Lexer.SKIPPED,
});
const LineComment = createToken({ name: 'LineComment', pattern: /--[^\n\r]*/, group: Lexer.SKIPPED });
const BlockComment = scannedToken('BlockComment', scanComment, '/', { group: Lexer.SKIPPED });
export const StringLiteral = scannedToken('StringLiteral', scanString, "'$eEnNbBxXuU");
export const NumberLiteral = scannedToken('NumberLiteral', scanNumber, '.0123456789');
export const Parameter = scannedToken('Parameter', scanParameter, '$');
export const QuotedIdentifier = scannedToken('QuotedIdentifier', scanQuotedIdentifier, '"', { categories: anyName });
export const Identifier = createToken({
  name: 'Identifier',
  pattern: new RegExp(`[${letters}][${letters}0-9$]*`),
  categories: anyName,
});

// ---- Symbols

const symbol = (name: string, pattern: string | RegExp, categories: TokenType[] = []): TokenType =>
  createToken({ name, pattern, categories });

export const LeftParen = symbol('LeftParen', '(');
export const RightParen = symbol('RightParen', ')');
export const Comma = symbol('Comma', ',');
export const Dot = symbol('Dot', '.');
export const Semicolon = symbol('Semicolon', ';');
export const TypeCast = symbol('TypeCast', '::');
export const Equal = symbol('Equal', '=', [BinaryToken]);
export const NotEqual = symbol('NotEqual', /<>|!=/, [BinaryToken]);
export const LessOrEqual = symbol('LessOrEqual', '<=', [BinaryToken]);
export const GreaterOrEqual = symbol('GreaterOrEqual', '>=', [BinaryToken]);
export const Less = symbol('Less', '<', [BinaryToken]);
export const Greater = symbol('Greater', '>', [BinaryToken]);
export const Concatenate = symbol('Concatenate', '||', [BinaryToken]);
export const Plus = symbol('Plus', '+', [BinaryToken]);
export const Minus = symbol('Minus', '-', [BinaryToken]);
export const Star = symbol('Star', '*', [BinaryToken]);
export const Slash = symbol('Slash', '/', [BinaryToken]);
export const Percent = symbol('Percent', '%', [BinaryToken]);
export const Caret = symbol('Caret', '^', [BinaryToken]);
/** PostgreSQL's other operators and symbols: in no rule, but named in errors. */
export const OtherSymbol = symbol('OtherSymbol', /->>?|<<|>>|<@|==|=>|:=|[:[\]]|[~!@#&|`?][~!@#&|`?*<>=]*/);
const controls = '\\u0000-\\u0008\\u000e-\\u001f\\u007f';
/** Whatever begins no other token, so that the lexer never fails; in no rule either. */
const Stray = symbol('Stray', new RegExp(`[\\\\{}$${controls}]`));

// ---- Keywords

function keywordTokens<W extends Keyword>(words: readonly W[], categories: TokenType[]): [W, TokenType][] {
  return words.map((word) => [
    word,
    createToken({
      name: word,
      pattern: new RegExp(word, 'i'),
      longer_alt: Identifier,
      categories: [Label, ...categories],
    }),
  ]);
}

/** The token type of each keyword. */
export const K = Object.fromEntries([
  ...keywordTokens(
    reservedWords.filter((word) => word !== 'AND' && word !== 'OR'),
    [],
  ),
  ...keywordTokens(['AND', 'OR'], [BinaryToken]),
  ...keywordTokens(valueWords, [ValueWord]),
  ...keywordTokens(functionWords, [BareLabel, FunctionName]),
  ...keywordTokens(operatorWords, [FunctionName]),
  ...keywordTokens(columnWords, [BareLabel, ColumnName]),
  ...keywordTokens(['BETWEEN'], [ColumnName]),
  ...keywordTokens(freeWords, [BareLabel, ColumnName, FunctionName]),
]) as Readonly<Record<Keyword, TokenType>>;

/** True for the words that are names only in double quotes. */
export function isReserved(type: TokenType): boolean {
  return type.LONGER_ALT === Identifier && !type.CATEGORIES?.some((c) => c === ColumnName || c === FunctionName);
}

/** Longest first, so that `IN` does not match the beginning of `INTO`. */
export const keywordTypes: readonly TokenType[] = Object.values(K).sort((a, b) => b.name.length - a.name.length);

/** In the order in which the lexer tries them. */
export const tokenTypes: readonly TokenType[] = [
  WhiteSpace,
  LineComment,
  BlockComment,
  StringLiteral,
  ...keywordTypes,
  Identifier,
  QuotedIdentifier,
  Parameter,
  NumberLiteral,
  TypeCast,
  Concatenate,
  NotEqual,
  LessOrEqual,
  GreaterOrEqual,
  OtherSymbol,
  LeftParen,
  RightParen,
  Comma,
  Dot,
  Semicolon,
  Equal,
  Less,
  Greater,
  Plus,
  Minus,
  Star,
  Slash,
  Percent,
  Caret,
  Stray,
];

/** What the parser must know besides: the classes, which no text matches by itself. */
export const categories: readonly TokenType[] = [Label, BareLabel, ColumnName, FunctionName, ValueWord, BinaryToken];
