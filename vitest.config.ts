import { defineConfig } from 'vitest/config';

/**
 * Two projects: `unit` needs nothing but Node and takes seconds; `system` starts whole processes, the real
 * Faktory among them where it is to be had (test/helpers/real-faktory.ts), and needs `npm run build` before.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/system/**', 'test/conformance/real.test.ts'],
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts', 'test/conformance/real.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
