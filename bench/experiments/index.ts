import { broadcast } from './broadcast.ts';
import { churn } from './churn.ts';
import type { Experiment } from './harness/experiment.ts';
import { massFailure } from './mass-failure.ts';
import { paths } from './paths.ts';

export const experiments: readonly Experiment[] = [broadcast, churn, massFailure, paths];
