import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{columnar,parser,planner,operators,overlay,engine,gateway,cli,simulator,examples,test}/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
