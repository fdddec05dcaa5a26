import { command } from './harness/command.ts';
import { experiments } from './index.ts';

await command('experiment', experiments);
