import { expect, it } from 'vitest';
import { SILENT } from '../src/logger.ts';
import { SlowLog } from '../src/slow-log.ts';

it('names a handler as what blocked the event loop only where that is certain', () => {
  const told: string[] = [];
  const slow = new SlowLog({ ...SILENT, warn: (_fields, text) => void told.push(text) }, 0);
  slow.block(['a'], 1_000, true);
  slow.block(['b', 'c'], 1_000, false);
  expect(told).toEqual([
    'a handler blocked the event loop: all jobs of this process stood still',
    expect.stringMatching(/or the process was paused/),
  ]);
});
