import type { Expression } from '../../planner/index.ts';

/** Text that is equal for two expressions exactly when they are the same, literals included. */
export function structuralKey(expression: Expression): string {
  return JSON.stringify(expression, (_, value: unknown) => {
    switch (typeof value) {
      case 'bigint':
        return { bigint: value.toString() };
      case 'number':
        // JSON has no NaN or infinities, and writes -0 as 0.
        return Number.isFinite(value) && !Object.is(value, -0)
          ? value
          : { number: Object.is(value, -0) ? '-0' : String(value) };
      default:
        return value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value;
    }
  });
}
