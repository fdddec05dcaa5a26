import { runScript } from './harness/script.ts';
import { experiments } from './index.ts';

await runScript('experiment', experiments);
