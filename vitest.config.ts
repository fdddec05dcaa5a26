import { defineConfig } from 'vitest/config';

const layers = '{columnar,parser,planner,operators,overlay,engine,gateway,cli,simulator}';

/** Hooks start whole fleets, and what is waited for takes its time, on machines that are busy. */
const patience = { hookTimeout: 60_000, expect: { poll: { timeout: 30_000 } } };

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
          ...patience,
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['test/{overlay,fleet,sql,experiments}/**/*.test.ts'],
          isolate: false,
          testTimeout: 300_000,
          ...patience,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          ...patience,
          fileParallelism: false,
        },
      },
    ],
  },
});
