import { defineConfig } from 'vitest/config';

const layers = '{columnar,parser,planner,operators,overlay,engine,gateway,cli,simulator}';

const common = {
  // Hooks start whole fleets, and what is waited for takes its time, on machines that are busy.
  hookTimeout: 60_000,
  expect: { poll: { timeout: 30_000 } },
  // CommonJS packages look as they do to Node.
  deps: { interopDefault: false },
};

export default defineConfig({
  test: {
    // By default one core would be left idle, and every file would load all modules anew.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: [`${layers}/**/*.test.ts`, 'bench/experiments/**/*.test.ts'],
          isolate: false,
          testTimeout: 60_000,
          ...common,
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['test/{overlay,fleet,sql,experiments}/**/*.test.ts'],
          isolate: false,
          testTimeout: 300_000,
          ...common,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          ...common,
          fileParallelism: false,
        },
      },
    ],
  },
});
