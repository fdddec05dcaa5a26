import assert from 'node:assert/strict';
import type { SqlType } from '../../columnar/index.ts';
import type { Expression } from '../../planner/index.ts';

/**
 * A value in generated code: a JavaScript expression without side effects, cheap to repeat, and when it is NULL.
 * In generated code a cell is a scalar as in `SqlValue`; while `nullness` holds, `value` is of no meaning.
 */
export interface Code {
  readonly value: string;
  /** `'false'`: never NULL; `'true'`: always; else a boolean expression. */
  readonly nullness: string;
  readonly type: SqlType;
}

/** A Code that is known not to be NULL where it is used. */
export type Operand = Omit<Code, 'nullness'>;

/** How each kind of expression is written. */
export type Generate = (scope: Scope, expression: Expression) => Code;

/** A literal of the JavaScript type that a cell has in generated code, so that a variable keeps one representation. */
export function zeroCode(type: SqlType): string {
  switch (type.kind) {
    case 'boolean':
      return 'false';
    case 'int8':
    case 'numeric':
    case 'timestamp':
    case 'timestamptz':
      return '0n';
    case 'text':
      return `''`;
    case 'bytea':
    case 'interval':
      return 'null';
    default:
      return '0';
  }
}

/**
 * The text of one generated function as it is written: a prelude that runs once a batch, and the body of
 * the loop over rows, in which `i` is the row. Every identifier is made up here; everything that comes from
 * a query (literals, helpers chosen by type) is a constant that is passed in, and never becomes text.
 */
export class Scope {
  /** Whether columns may hold NULLs in the batches that this function is for. */
  readonly nullable: boolean;
  readonly constants: unknown[] = [];
  readonly prelude: string[] = [];
  readonly body: string[] = [];
  /** Positions of the columns that the code reads. */
  readonly columns = new Set<number>();
  readonly #generate: Generate;
  readonly #preludeNames = new Set<string>();
  readonly #constantNames = new Map<unknown, string>();
  #variables = 0;

  constructor(nullable: boolean, generate: Generate) {
    this.nullable = nullable;
    this.#generate = generate;
  }

  /** Writes the code of an expression into the body; evaluation happens where it is written. */
  generate(expression: Expression): Code {
    return this.#generate(this, expression);
  }

  /** Name of a parameter bound to `value`. */
  constant(value: unknown): string {
    // A Map takes -0 for 0.
    const known = Object.is(value, -0) ? undefined : this.#constantNames.get(value);
    if (known !== undefined) return known;
    const name = `k${this.constants.length}`;
    this.constants.push(value);
    if (!Object.is(value, -0)) this.#constantNames.set(value, name);
    return name;
  }

  emit(line: string): void {
    this.body.push(line);
  }

  /** A new variable, computed here once. */
  let(initial: string): string {
    const name = `v${this.#variables++}`;
    this.emit(`let ${name} = ${initial};`);
    return name;
  }

  /** A new variable for a cell of `type`, to be assigned later. */
  variable(type: SqlType): string {
    return this.let(zeroCode(type));
  }

  /** The one thing of a plan that becomes text: hence the check. */
  #use(index: number): void {
    assert(Number.isSafeInteger(index) && index >= 0, 'a column is given by its position');
    this.columns.add(index);
  }

  /** Name of something of a column that is looked up once a batch; `code` receives the column's name. */
  #ofColumn(index: number, part: string, code: (column: string) => string): string {
    this.#use(index);
    const name = `c${index}${part}`;
    if (!this.#preludeNames.has(name)) {
      this.#preludeNames.add(name);
      this.prelude.push(`const ${name} = ${code(`columns[${index}]`)};`);
    }
    return name;
  }

  values(index: number): string {
    return this.#ofColumn(index, 'values', (column) => `${column}.values`);
  }

  /** The values as 32-bit words, low word first. */
  words(index: number): string {
    return this.#ofColumn(
      index,
      'words',
      (column) =>
        `new Int32Array(${column}.values.buffer, ${column}.values.byteOffset, ${column}.values.byteLength >> 2)`,
    );
  }

  offsets(index: number): string {
    return this.#ofColumn(index, 'offsets', (column) => `${column}.offsets`);
  }

  /** What `helper(column)` makes of a column, once a batch. */
  perBatch(index: number, part: string, helper: (column: never) => unknown): string {
    return this.#ofColumn(index, part, (column) => `${this.constant(helper)}(${column})`);
  }

  /** Whether the column's cell in this row is NULL. */
  columnNullness(index: number): string {
    this.#use(index);
    if (!this.nullable) return 'false';
    const validity = this.#ofColumn(index, 'validity', (column) => `${column}.validity`);
    return this.let(`${validity} !== null && ((${validity}[i >> 3] >> (i & 7)) & 1) === 0`);
  }
}

/** Disjunction of nullness expressions. */
export function anyNull(codes: readonly { readonly nullness: string }[]): string {
  const terms = new Set(codes.map((code) => code.nullness).filter((nullness) => nullness !== 'false'));
  if (terms.size === 0) return 'false';
  return terms.has('true') ? 'true' : [...terms].join(' || ');
}
