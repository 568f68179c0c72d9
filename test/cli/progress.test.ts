import { expect, it } from 'vitest';
import { summary } from '../../src/cli/progress.ts';

it('sums a push up in one line', () => {
  const standing = { pushed: 9_998, failed: 2, part: 1 };
  expect(summary(standing, 1_200)).toBe('9,998 jobs pushed, 2 failed, in 1.2 s (8,332 jobs/s)');
  expect(summary({ ...standing, pushed: 1, failed: 0 }, 0)).toBe(
    '1 job pushed, 0 failed, in 0.0 s (1,000 jobs/s)',
  );
});
