import { describe, expect, it } from 'vitest';
import { drainedText, leftText, stillDrainingText, stillText } from '../../src/cli/partitions-drain-text.ts';
import type { Left, Standing } from '../../src/cli/partitions-left.ts';

const left = (partition: number, more: Partial<Left> = {}): Left => ({
  partition,
  next: 17,
  undone: 1,
  holds: false,
  isOwned: true,
  ...more,
});
const standing = (some: readonly Left[], more: Partial<Standing> = {}): Standing => ({
  queue: 'orders',
  partitions: 16,
  left: some,
  workers: 1,
  room: 16,
  calmMs: 0,
  open: 0,
  ...more,
});

describe('what is left', () => {
  it.each([
    [[left(3)], 'orders: 1 job of 1 partition (of 16) is not done, most in partition 3 (1)'],
    [
      [left(0, { undone: 802 }), left(3, { undone: 1_402, isOwned: false })],
      'orders: 2,204 jobs of 2 partitions (of 16) are not done, most in partition 3 (1,402); 1 of these has no worker',
    ],
    [[left(5, { undone: 0, holds: true })], 'orders: jobs without a number wait in 1 partition (of 16)'],
    [
      [left(5, { undone: undefined }), left(6, { undone: undefined })],
      'orders: 2 partitions (of 16) have no numbers yet, which takes up to 15 s',
    ],
    [[], 'orders: all jobs are done'],
  ])('%#', (some, text) => {
    expect(leftText(standing(some))).toBe(text);
  });
});

describe('why nothing moves', () => {
  const sets = { working: 7, scheduled: 1_000, retries: 0 };
  const lines = (some: readonly Left[], more: Partial<Standing> = {}) =>
    stillText(standing(some, more), 12_000, sets);

  it('is that no worker has them: those of the old number are to be started', () => {
    expect(
      lines([left(2, { isOwned: false, holds: true })], { workers: 0, room: 0, calmMs: 20_000 }),
    ).toEqual([
      'queue orders: nothing has moved for 12 s',
      '  no worker has partition 2: start workers with PARTITIONS=16, the old number (none is there). Nobody may take one for another 20 s: Redis was restarted or emptied, or the layout changed',
    ]);
    const many = Array.from({ length: 10 }, (_, i) => left(i, { isOwned: false, holds: true }));
    expect(lines(many, { room: 6 })[1]).toBe(
      '  no worker has partitions 0, 1, 2, 3, 4, 5, 6, 7 …: start workers with PARTITIONS=16, the old number (1 worker is there and takes 6 partitions at most)',
    );
  });

  it('is a job that waits although a worker is there', () => {
    expect(lines([left(2, { holds: true })])[1]).toMatch(
      /^ {2}jobs wait in partition 2, which a worker has: /,
    );
  });

  it('is a job that is in no queue: where it may be, and how to go on without', () => {
    const [, line, ...more] = lines([left(2, { undone: 2 }), left(4)]);
    expect(more).toEqual([]);
    expect(line).toMatch(/^ {2}3 jobs of partitions 2, 4 are not done and not in a queue\. /);
    expect(line).toContain('Working holds 7, Scheduled 1,000, Retries 0');
    expect(line).toContain('`millrace partitions drain --skip-missing --queue orders`');
  });

  it('is numbers that are lost', () => {
    expect(lines([left(2, { undone: undefined })])[1]).toMatch(/^ {2}the numbers of partition 2 are lost/);
  });
});

describe('the end', () => {
  it('tells of what was gone on without, and of what waits for its time', () => {
    expect(drainedText(standing([]), { working: 9, scheduled: 0, retries: 0 })).toBe(
      'queue orders is drained: no job waits in its 16 partitions, and all that were numbered are done',
    );
    const lines = drainedText(standing([], { open: 1 }), { working: 9, scheduled: 2, retries: 0 }).split(
      '\n',
    );
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(/^ {2}but for 1 job that was gone on without/),
      expect.stringMatching(/^ {2}of all queues, Scheduled holds 2 and Retries 0: /),
    ]);
  });

  it('says how it is taken back', () => {
    expect(stillDrainingText(['a', 'b'])).toContain('millrace partitions drain --cancel --queue a b');
  });
});
