import { type Interval, intervalSpan, type SqlType, type SqlValue } from '../../columnar/index.ts';
import type { Expression } from '../../planner/index.ts';
import { compareCode } from './comparison.ts';
import { asCell } from './literal.ts';
import { whenNotNull } from './nulls.ts';
import type { Code, Scope } from './scope.ts';

/** Up to this many values are compared one by one; more are looked up in a Set. */
const comparedMax = 3;

/** `input IN (values)`, none of them NULL. */
export function generateMembership(scope: Scope, expression: Extract<Expression, { kind: 'in' }>): Code {
  const input = scope.generate(expression.input);
  const values = expression.values.map((value) => asCell(input.type, value));
  return whenNotNull(scope, input.nullness, expression.type, () => {
    if (values.length === 0) return 'false';
    if (values.length <= comparedMax) {
      const tests = values.map((value) => compareCode(scope, '===', input.value, scope.constant(value), input.type));
      return scope.let(tests.map((test) => `(${test})`).join(' || '));
    }
    const toMember = memberOf(input.type);
    const members = new Set(values.map((value) => (toMember === null ? value : toMember(value))));
    const member = toMember === null ? input.value : `${scope.constant(toMember)}(${input.value})`;
    return scope.let(`${scope.constant(members)}.has(${member})`);
  });
}

/**
 * How a value is represented so that a Set, which compares NaN as equal and -0 as 0, finds SQL's equals;
 * `null`: as it is.
 */
function memberOf(type: SqlType): ((value: SqlValue) => SqlValue) | null {
  switch (type.kind) {
    case 'bytea':
      return (value) => Buffer.from(value as Uint8Array).toString('latin1');
    case 'interval':
      return (value) => intervalSpan(value as Interval);
    default:
      return null;
  }
}
