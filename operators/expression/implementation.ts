import { QueryError, type SqlType, typeName } from '../../columnar/index.ts';
import type { Expression } from '../../planner/index.ts';
import { whenNotNull } from './nulls.ts';
import { anyNull, type Code, type Operand, type Scope } from './scope.ts';

export type Call = Extract<Expression, { kind: 'call' }>;

/** Writes the code of one call. */
export type Implementation = (scope: Scope, call: Call) => Code;

/** NULL when an argument is NULL; `make` writes the code for the other case and may check and throw there. */
export function strict(
  make: (scope: Scope, operands: readonly Operand[], type: SqlType, call: Call) => string,
): Implementation {
  return (scope, call) => {
    const codes = call.args.map((argument) => scope.generate(argument));
    return whenNotNull(scope, anyNull(codes), call.type, () => make(scope, codes, call.type, call));
  };
}

/**
 * A strict function computed by a JavaScript function of the arguments' scalars, chosen once by types;
 * it may throw a QueryError.
 */
export function helper(
  choose: (argumentTypes: readonly SqlType[], type: SqlType, call: Call) => unknown,
): Implementation {
  return strict((scope, operands, type, call) => {
    const chosen = choose(
      operands.map((operand) => operand.type),
      type,
      call,
    );
    return scope.let(`${scope.constant(chosen)}(${operands.map((operand) => operand.value).join(', ')})`);
  });
}

/** The operand at `index`, which the binder has supplied. */
export function operandAt(operands: readonly Operand[], index: number): Operand {
  const operand = operands[index];
  if (operand === undefined)
    throw new QueryError('internal', `a function is called with fewer than ${index + 1} arguments`);
  return operand;
}

export function unsupported(what: string, type: SqlType): QueryError {
  return new QueryError('unsupported', `${what} is not defined for type ${typeName(type)}`);
}
