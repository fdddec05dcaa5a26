import type { Expression } from '../../planner/index.ts';
import type { Implementation } from './implementation.ts';
import { operandAt, strict } from './implementation.ts';
import { assignCode } from './nulls.ts';
import type { Code, Scope } from './scope.ts';

/**
 * AND and OR in three-valued logic. Arguments are evaluated from the left until one decides (false for
 * AND, true for OR); NULL decides nothing.
 */
function connective(decisive: 'false' | 'true'): Implementation {
  const undecided = decisive === 'false' ? 'true' : 'false';
  return (scope, call) => {
    const value = scope.let(undecided);
    const isNull = scope.let('false');
    let nullable = false;
    for (const [index, argument] of call.args.entries()) {
      if (index > 0) scope.emit(`if (${value} === ${undecided}) {`);
      const code = scope.generate(argument);
      nullable ||= code.nullness !== 'false';
      emitFold(scope, code, value, isNull, decisive);
    }
    for (let index = 1; index < call.args.length; index++) scope.emit('}');
    return { value, nullness: nullable ? isNull : 'false', type: call.type };
  };
}

/** Folds one argument into `value`, which stays undecided while `isNull`. */
function emitFold(scope: Scope, code: Code, value: string, isNull: string, decisive: 'false' | 'true'): void {
  if (code.nullness === 'true') {
    scope.emit(`${isNull} = true;`);
    return;
  }
  const decides = decisive === 'false' ? `!${code.value}` : code.value;
  const decide = `{ ${value} = ${decisive}; ${isNull} = false; }`;
  if (code.nullness === 'false') scope.emit(`if (${decides}) ${decide}`);
  else scope.emit(`if (${code.nullness}) ${isNull} = true; else if (${decides}) ${decide}`);
}

function truth(value: 'true' | 'false'): Implementation {
  return (scope, call) => {
    const code = scope.generate(firstOf(call.args));
    const matches = value === 'true' ? code.value : `!${code.value}`;
    if (code.nullness === 'true') return { value: 'false', nullness: 'false', type: call.type };
    const notNull = code.nullness === 'false' ? '' : `!(${code.nullness}) && `;
    return { value: scope.let(`${notNull}${matches}`), nullness: 'false', type: call.type };
  };
}

function firstOf(args: readonly Expression[]): Expression {
  return args[0] as Expression;
}

const isNull: Implementation = (scope, call) => {
  const argument = firstOf(call.args);
  // A column's validity is enough: its cells need not be read.
  const nullness =
    argument.kind === 'column' ? scope.columnNullness(argument.index) : scope.generate(argument).nullness;
  return { value: scope.let(nullness), nullness: 'false', type: call.type };
};

/** The first argument that is not NULL; the later ones are not evaluated. */
const coalesce: Implementation = (scope, call) => {
  const value = scope.variable(call.type);
  const missing = scope.let('true');
  let found = false;
  for (const argument of call.args) {
    scope.emit(`if (${missing}) {`);
    const code = scope.generate(argument);
    found ||= code.nullness === 'false';
    assignCode(scope, value, missing, code);
    scope.emit('}');
  }
  return { value, nullness: found ? 'false' : missing, type: call.type };
};

export const logic = {
  and: connective('false'),
  or: connective('true'),
  not: strict((scope, operands) => scope.let(`!${operandAt(operands, 0).value}`)),
  isNull,
  isTrue: truth('true'),
  isFalse: truth('false'),
  coalesce,
} satisfies Record<string, Implementation>;
