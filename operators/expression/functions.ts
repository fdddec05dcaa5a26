import type { FunctionId } from '../../planner/index.ts';
import { arithmetic } from './arithmetic.ts';
import { comparisons } from './comparison.ts';
import { dateFunctions } from './date-functions.ts';
import type { Implementation } from './implementation.ts';
import { logic } from './logic.ts';
import { mathematics } from './mathematics.ts';
import { textFunctions } from './text-functions.ts';

/** The code of every function that a plan may call. */
export const functions: Readonly<Record<FunctionId, Implementation>> = {
  ...arithmetic,
  ...mathematics,
  ...comparisons,
  ...logic,
  ...textFunctions,
  ...dateFunctions,
};
