import { intervalSpan, readInterval, type SqlType, type TypeKind } from '../../columnar/index.ts';

/** Code that tells whether row `g` of the stored keys equals row `i` of a batch's keys; see `keyEquality`. */
export interface KeyEquality {
  /** Declarations from `stored` and `columns`, arrays of one Column a key. */
  readonly prelude: string;
  /** A boolean expression of `g` and `i`; calls `bytesEqual`, `intervalsEqual`. */
  readonly condition: string;
}

/**
 * Writes the comparison of keys of the given types for the hash tables' generated loops. As for grouping
 * and `hashRows`: NULL equals NULL, NaN equals NaN, -0 equals 0.
 *
 * @param nullable whether some key may be NULL, stored or in the batch
 */
export function keyEquality(types: readonly SqlType[], nullable: boolean): KeyEquality {
  const prelude: string[] = [];
  const conditions: string[] = [];
  for (const [key, type] of types.entries()) {
    prelude.push(declarations(key, type, nullable));
    const equal = cellsEqual(type, key);
    conditions.push(nullable ? nullsAgree(key, equal) : `(${equal})`);
  }
  return { prelude: prelude.join('\n'), condition: conditions.length === 0 ? 'true' : conditions.join(' && ') };
}

function nullsAgree(key: number, equal: string): string {
  const isNull = (side: string, row: string): string =>
    `(${side}validity !== null && ((${side}validity[${row} >> 3] >> (${row} & 7)) & 1) === 0)`;
  const stored = isNull(`s${key}`, 'g');
  return `(${stored} === ${isNull(`b${key}`, 'i')} && (${stored} || (${equal})))`;
}

function declarations(key: number, type: SqlType, nullable: boolean): string {
  const lines: string[] = [];
  for (const [side, column] of [
    [`s${key}`, `stored[${key}]`],
    [`b${key}`, `columns[${key}]`],
  ]) {
    if (nullable) lines.push(`const ${side}validity = ${column}.validity;`);
    switch (type.kind) {
      case 'int8':
      case 'timestamp':
      case 'timestamptz':
      case 'numeric': {
        const buffer = `${column}.values.buffer, ${column}.values.byteOffset, ${column}.values.byteLength >> 2`;
        lines.push(`const ${side} = new Int32Array(${buffer});`);
        break;
      }
      case 'text':
      case 'bytea':
        lines.push(`const ${side}offsets = ${column}.offsets;`);
        lines.push(`const ${side} = ${column}.values;`);
        break;
      default:
        lines.push(`const ${side} = ${column}.values;`);
    }
  }
  return lines.join('\n');
}

function cellsEqual(type: SqlType, key: number): string {
  const [s, b] = [`s${key}`, `b${key}`];
  const words = (count: number): string =>
    Array.from({ length: count }, (_, word) => `${s}[${count} * g + ${word}] === ${b}[${count} * i + ${word}]`).join(
      ' && ',
    );
  switch (type.kind) {
    case 'boolean':
      return `((${s}[g >> 3] >> (g & 7)) & 1) === ((${b}[i >> 3] >> (i & 7)) & 1)`;
    case 'int8':
    case 'timestamp':
    case 'timestamptz':
      return words(2);
    case 'numeric':
      return words(4);
    case 'float4':
    case 'float8':
      return `${s}[g] === ${b}[i] || (${s}[g] !== ${s}[g] && ${b}[i] !== ${b}[i])`;
    case 'text':
    case 'bytea':
      return `bytesEqual(${s}, ${s}offsets[g], ${s}offsets[g + 1], ${b}, ${b}offsets[i], ${b}offsets[i + 1])`;
    case 'interval':
      return `intervalsEqual(${s}, g, ${b}, i)`;
    default:
      return `${s}[g] === ${b}[i]`;
  }
}

const hashedInline: readonly TypeKind[] = ['boolean', 'int2', 'int4', 'date', 'int8', 'timestamp', 'timestamptz'];

/**
 * Statements that hash row `i` of the batch's keys into `hash`, where that is cheaper than `hashRows`: for a few
 * keys of small fixed width. `null` for others. Uses the prelude of `keyEquality`. Each word is mixed by a
 * multiplication and a shift, the end as in murmur3.
 */
export function inlineHash(types: readonly SqlType[], nullable: boolean): string | null {
  if (!types.every((type) => hashedInline.includes(type.kind))) return null;
  const mix = (word: string): string => `hash = Math.imul(hash ^ ${word}, 0x9e3779b1); hash ^= hash >>> 15;`;
  const lines = types.map((type, key) => {
    const mixed = keyWords(type, `b${key}`).map(mix).join(' ');
    if (!nullable) return mixed;
    const isNull = `b${key}validity !== null && ((b${key}validity[i >> 3] >> (i & 7)) & 1) === 0`;
    return `if (${isNull}) { ${mix('0x6e756c6c')} } else { ${mixed} }`;
  });
  return ['let hash = 0;', ...lines, 'hash = Math.imul(hash, 0x85ebca6b); hash ^= hash >>> 13;'].join('\n');
}

function keyWords(type: SqlType, values: string): string[] {
  switch (type.kind) {
    case 'boolean':
      return [`((${values}[i >> 3] >> (i & 7)) & 1)`];
    case 'int8':
    case 'timestamp':
    case 'timestamptz':
      return [`${values}[2 * i]`, `${values}[2 * i + 1]`];
    default:
      return [`${values}[i]`];
  }
}

/** What the conditions call; parameters of the generated functions in this order. */
export const equalityHelperNames = ['bytesEqual', 'intervalsEqual'] as const;
export const equalityHelpers = [rangesEqual, intervalsEqual] as const;

function rangesEqual(
  a: Uint8Array,
  startA: number,
  endA: number,
  b: Uint8Array,
  startB: number,
  endB: number,
): boolean {
  const length = endA - startA;
  if (endB - startB !== length) return false;
  for (let offset = 0; offset < length; offset++) if (a[startA + offset] !== b[startB + offset]) return false;
  return true;
}

function intervalsEqual(a: Int32Array, rowA: number, b: Int32Array, rowB: number): boolean {
  return intervalSpan(readInterval(a, rowA)) === intervalSpan(readInterval(b, rowB));
}
