import { runScript } from './experiments/harness/script.ts';
import { operators } from './operators.bench.ts';
import { overlay } from './overlay/overlay.bench.ts';
import { store } from './store.bench.ts';

await runScript('bench', [operators, overlay, store]);
