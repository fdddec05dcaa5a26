import {
  type Column,
  ColumnBuilder,
  type Schema,
  type SqlType,
  type SqlValue,
  typeName,
  types,
} from '../../columnar/index.ts';
import { jsonText } from './json-text.ts';
import { columnNames } from './names.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

export interface JsonField {
  readonly key: string;
  readonly name: string;
  readonly type: SqlType;
}

type Look = 'boolean' | 'integer' | 'float' | 'text';

/** Learns the keys of objects, in the order they first appear, and the types of their values. */
export class JsonGuess {
  readonly #looks = new Map<string, Set<Look>>();

  observe(object: JsonObject): void {
    for (const [key, value] of Object.entries(object)) {
      const looks = this.#looks.get(key) ?? new Set();
      this.#looks.set(key, looks);
      if (value !== null) looks.add(lookOf(value));
    }
  }

  /**
   * boolean; int8 for integers that a double holds exactly; float8 once there is another number; text for
   * strings (also those that look like times), nested values, mixtures and keys that are always null.
   */
  fields(): JsonField[] {
    const keys = [...this.#looks.keys()];
    const names = columnNames(keys);
    return keys.map((key, i) => ({ key, name: names[i] as string, type: typeOf(this.#looks.get(key) ?? new Set()) }));
  }
}

function lookOf(value: unknown): Look {
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value !== 'number') return 'text';
  return Number.isSafeInteger(value) ? 'integer' : 'float';
}

function typeOf(looks: ReadonlySet<Look>): SqlType {
  if (looks.size === 1 && looks.has('boolean')) return types.boolean;
  if (looks.size === 0 || looks.has('text') || looks.has('boolean')) return types.text;
  return looks.has('float') ? types.float8 : types.int8;
}

/** The fields of `earlier`, with the keys that fill them now; a column whose key is gone is NULL throughout. */
export function matchFields(found: readonly JsonField[], earlier: Schema): JsonField[] {
  const keys = new Map(found.map(({ name, key }) => [name, key]));
  return earlier.fields.map(({ name, type }) => ({ key: keys.get(name) ?? name, name, type }));
}

/**
 * Columns of objects; a missing key is NULL.
 * @param fail makes the error for a value that does not fit its column: position of the object, what is wrong
 */
export function jsonColumns(
  objects: readonly JsonObject[],
  fields: readonly JsonField[],
  fail: (index: number, message: string) => Error,
): Column[] {
  return fields.map(({ key, name, type }) => {
    const builder = new ColumnBuilder(type, objects.length);
    for (const [index, object] of objects.entries()) {
      const value = Object.hasOwn(object, key) ? cell(type, object[key]) : null;
      if (value === undefined) {
        const found = jsonText(object[key])?.slice(0, 40);
        throw fail(index, `column "${name}" was ${typeName(type)} when the table was opened, and now holds ${found}`);
      }
      builder.append(value);
    }
    return builder.finish();
  });
}

/** `undefined`: the value is not of the type. */
function cell(type: SqlType, value: unknown): SqlValue | null | undefined {
  if (value === null) return null;
  if (type.kind === 'text') return typeof value === 'string' ? value : jsonText(value);
  if (type.kind === 'boolean') return typeof value === 'boolean' ? value : undefined;
  if (typeof value !== 'number') return undefined;
  if (type.kind === 'float8') return value;
  return Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a JSON value is, for messages. */
export function jsonKind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
