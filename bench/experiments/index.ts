import { broadcast } from './broadcast.ts';
import { churn } from './churn.ts';
import { durability } from './durability.ts';
import { fairness } from './fairness.ts';
import type { Experiment } from './harness/experiment.ts';
import { lookupConcepts } from './lookup-concepts.ts';
import { massFailure } from './mass-failure.ts';
import { paths } from './paths.ts';
import { scale } from './scale.ts';

export const experiments: readonly Experiment[] = [
  broadcast,
  churn,
  durability,
  fairness,
  lookupConcepts,
  massFailure,
  paths,
  scale,
];
