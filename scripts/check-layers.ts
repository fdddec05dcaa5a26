import { spawnSync } from 'node:child_process';

/** Runs dependency-cruiser, and fails too when it read nothing: a check that sees no modules proves nothing. */
const folders = ['columnar', 'parser', 'planner', 'operators', 'overlay', 'engine', 'gateway', 'cli', 'simulator'];
const run = spawnSync(
  'npx',
  ['depcruise', '--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...folders],
  {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  },
);

interface Outcome {
  readonly summary: {
    readonly totalCruised: number;
    readonly totalDependenciesCruised: number;
    readonly violations: readonly {
      readonly rule: { readonly name: string };
      readonly from: string;
      readonly to: string;
    }[];
  };
}

if (run.stdout === '') {
  console.error(run.stderr);
  process.exit(1);
}
const { summary } = JSON.parse(run.stdout) as Outcome;
for (const { rule, from, to } of summary.violations) console.error(`${rule.name}: ${from} -> ${to}`);
console.log(
  `layers: ${summary.totalCruised} modules, ${summary.totalDependenciesCruised} imports, ${summary.violations.length} violations`,
);
if (summary.totalCruised === 0 || summary.totalDependenciesCruised === 0 || summary.violations.length > 0)
  process.exit(1);
