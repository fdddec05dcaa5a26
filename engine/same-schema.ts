import { type Schema, typesEqual } from '../columnar/index.ts';

/** Equal names and types, in the same order. */
export function sameSchema(a: Schema, b: Schema): boolean {
  return (
    a.fields.length === b.fields.length &&
    a.fields.every(({ name, type }, i) => {
      const other = b.fields[i];
      return other !== undefined && name === other.name && typesEqual(type, other.type);
    })
  );
}
