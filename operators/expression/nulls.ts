import type { SqlType } from '../../columnar/index.ts';
import { type Code, type Scope, zeroCode } from './scope.ts';

/** The value that `make` writes, evaluated only where nothing that it needs is NULL; else NULL. */
export function whenNotNull(scope: Scope, nullness: string, type: SqlType, make: () => string): Code {
  if (nullness === 'false') return { value: make(), nullness, type };
  if (nullness === 'true') return { value: zeroCode(type), nullness, type };
  const isNull = scope.let(nullness);
  const value = scope.variable(type);
  scope.emit(`if (!${isNull}) {`);
  scope.emit(`${value} = ${make()};`);
  scope.emit('}');
  return { value, nullness: isNull, type };
}

/** Whether a condition is true: neither false nor NULL. */
export function truthCode(condition: Code): string {
  if (condition.nullness === 'true') return 'false';
  return condition.nullness === 'false' ? condition.value : `!(${condition.nullness}) && ${condition.value}`;
}

/** Statements that set a variable and its nullness to what `code` gives. */
export function assignCode(scope: Scope, value: string, isNull: string, code: Code): void {
  scope.emit(`${isNull} = ${code.nullness};`);
  if (code.nullness !== 'true') scope.emit(`${value} = ${code.value};`);
}
