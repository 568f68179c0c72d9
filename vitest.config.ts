import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/**
 * Where .ci/run counts from: a folder that gets one JSON report for each run of vitest, beside what is printed.
 */
const reports = process.env.MILLRACE_TEST_REPORTS;

/**
 * Three projects: `unit` needs nothing but Node and takes seconds; `system` and `faults` start whole processes, the
 * real Faktory among them where it is to be had (test/helpers/real-faktory.ts), and need `npm run build` before.
 */
export default defineConfig({
  test: {
    ...(reports
      ? {
          reporters: ['default', 'json'],
          outputFile: { json: join(reports, `vitest-${Date.now()}-${process.pid}.json`) },
        }
      : {}),
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/system/**', 'test/faults/**', 'test/conformance/real.test.ts'],
          // Modules are loaded once a process, not once a file: that was half of the time. So no test mocks a module.
          isolate: false,
          // Most of their time is waiting, too.
          maxWorkers: 6,
          // Longer than the deadlines of test/helpers/until.ts, which say more than vitest's own.
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts', 'test/conformance/real.test.ts'],
          globalSetup: ['test/helpers/system-setup.ts'],
          setupFiles: ['test/helpers/stop-leftovers.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Most of their time is waiting for processes.
          maxWorkers: 4,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup: ['test/helpers/system-setup.ts'],
          setupFiles: ['test/helpers/stop-leftovers.ts'],
          // Reservations last a minute at least; what hangs is told sooner, by what the test waits for.
          testTimeout: 600_000,
          hookTimeout: 60_000,
          // Most of their time is waiting.
          maxWorkers: 2,
          // Those that wait for reservations wait together.
          maxConcurrency: 20,
        },
      },
    ],
  },
});
