import { onTestFinished } from 'vitest';
import type { BatchHandler } from '../../../src/worker/batches/batch-handler.ts';

/** A handler that notes what it gets, and does not end before it is let go. */
export function held(): { calls: number[][]; handler: BatchHandler; letGo: () => void } {
  const calls: number[][] = [];
  let letGo = (): void => {};
  const open = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  onTestFinished(() => letGo());
  return {
    calls,
    letGo,
    handler: async (jobs) => {
      calls.push(jobs.map(({ args }) => args[0] as number));
      await open;
    },
  };
}
