import { defineConfig } from 'vitest/config';

const layers = '{columnar,parser,planner,operators,overlay,engine,gateway,cli,simulator}';

/** Hooks start whole fleets, also on machines that are busy. */
const hookTimeout = 60_000;

export default defineConfig({
  test: {
    // By default one core would be left idle.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: [`${layers}/**/*.test.ts`, 'bench/experiments/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout,
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['test/{overlay,fleet,sql,experiments}/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout,
          fileParallelism: false,
        },
      },
    ],
  },
});
