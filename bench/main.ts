import { command } from './experiments/harness/command.ts';
import { operators } from './operators.bench.ts';
import { overlay } from './overlay/overlay.bench.ts';

await command('bench', [operators, overlay]);
