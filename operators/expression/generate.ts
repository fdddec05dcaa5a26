import { type SqlType, type SqlValue, typesEqual } from '../../columnar/index.ts';
import type { Expression } from '../../planner/index.ts';
import { generateCast } from './cast.ts';
import { readCell } from './cells.ts';
import { functions } from './functions.ts';
import { asCell } from './literal.ts';
import { generateMembership } from './membership.ts';
import { assignCode, truthCode, whenNotNull } from './nulls.ts';
import { type Code, type Scope, zeroCode } from './scope.ts';

/** Writes the code of an expression into the scope's body; evaluation happens where it is written. */
export function generate(scope: Scope, expression: Expression): Code {
  const { type } = expression;
  switch (expression.kind) {
    case 'column': {
      const nullness = scope.columnNullness(expression.index);
      // The slot of a NULL holds zero: reading it is harmless.
      return { value: readCell(scope, expression.index, type), nullness, type };
    }
    case 'literal':
      return generateLiteral(scope, expression.value, type);
    case 'call':
      return functions[expression.function](scope, expression);
    case 'case':
      return generateCase(scope, expression);
    case 'cast': {
      const input = scope.generate(expression.input);
      if (typesEqual(input.type, type)) return input;
      return whenNotNull(scope, input.nullness, type, () => generateCast(scope, input, type));
    }
    case 'in':
      return generateMembership(scope, expression);
  }
}

function generateLiteral(scope: Scope, value: SqlValue | null, type: SqlType): Code {
  if (value === null) return { value: zeroCode(type), nullness: 'true', type };
  return { value: scope.constant(asCell(type, value)), nullness: 'false', type };
}

/** Branches are evaluated in order, none after the first whose condition is true. */
function generateCase(scope: Scope, expression: Extract<Expression, { kind: 'case' }>): Code {
  const { type } = expression;
  const value = scope.variable(type);
  const isNull = scope.let('false');
  let nullable = false;
  const assign = (result: Expression): void => {
    const code = scope.generate(result);
    nullable ||= code.nullness !== 'false';
    assignCode(scope, value, isNull, code);
  };
  for (const branch of expression.branches) {
    scope.emit(`if (${truthCode(scope.generate(branch.when))}) {`);
    assign(branch.then);
    scope.emit('} else {');
  }
  assign(expression.otherwise);
  scope.emit('}'.repeat(expression.branches.length));
  return { value, nullness: nullable ? isNull : 'false', type };
}
