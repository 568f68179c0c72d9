import { describe, expect, it } from 'vitest';
import { rowOf } from '../../src/cli/partitions-row.ts';
import { planText, shortageText, spreadText, statusText } from '../../src/cli/partitions-text.ts';
import { SpreadTally } from '../../src/partitions/layout.ts';

describe('the plan', () => {
  it.each([
    [16, 2, '16 partitions, 2 a pod at most: 8 pods are needed (16 / 2);'],
    [64, 4, '64 partitions, 4 a pod at most: 16 pods are needed (64 / 4);'],
    [8, 1, '8 partitions, 1 a pod at most: 8 pods are needed (8 / 1);'],
    [10, 4, '10 partitions, 4 a pod at most: 3 pods are needed (10 / 4, rounded up);'],
    [1, 4, '1 partition, 4 a pod at most: 1 pod is needed (1 / 4, rounded up);'],
  ])('of %i partitions, %i a pod', (partitions, perPod, text) => {
    expect(planText(partitions, perPod)).toContain(text);
  });

  it('says what too few pods leave undone, and what would help', () => {
    expect(shortageText({ partitions: 16, perPod: 4, pods: 3 })).toBe(
      'warning: 3 pods take 12 of 16 partitions: the jobs of 4 partitions never run. Start 4 pods, or set PARTITIONS_PER_POD=6',
    );
  });
});

describe('the spread', () => {
  const spread = (partitions: number, keys: readonly string[]) => {
    const tally = new SpreadTally(partitions);
    for (const key of keys) tally.add(key);
    return spreadText(tally.result());
  };

  it('is a line for each partition, and names hot keys so that they can be read', () => {
    const keys = [...Array.from({ length: 50 }, (_, i) => `${i}`), ...new Array(50).fill('hot\nkey')];
    const lines = spread(2, keys).split('\n');
    expect(lines[0]).toBe('100 jobs of 51 keys, 50 a partition if they were even');
    expect(lines[1]).toMatch(/^partition {2}keys {2}jobs {2}of even$/);
    expect(lines[2]).toMatch(/^ {8}0 {2}/);
    expect(lines[5]).toMatch(/^hot keys/);
    expect(lines[6]).toMatch(/^ {2}"hot\\nkey": 50 jobs, partition [01]$/);
  });

  it('is short for many partitions', () => {
    const keys = Array.from({ length: 5_000 }, (_, i) => `${i}`);
    const text = spread(256, keys);
    expect(text.split('\n')).toHaveLength(20);
    expect(text).toContain('(the 8 fullest and emptiest of 256)');
  });

  it('is nothing to divide by where there are no keys', () => {
    expect(spread(2, [])).toContain('0 jobs of 0 keys');
  });
});

describe('the status', () => {
  const TTL_MS = 30_000;
  const place = { epoch: 1, first: 1, next: 18, open: [] };
  const owned = rowOf(
    {
      partition: 0,
      owner: 'host-1',
      fence: 7,
      leftMs: 20_000,
      ownerlessMs: undefined,
      place,
      last: 20,
      undone: 3,
    },
    { size: 3, ageSeconds: 12.4 },
    TTL_MS,
  );
  const orphan = {
    partition: 1,
    owner: undefined,
    fence: undefined,
    leftMs: undefined,
    place: undefined,
    last: undefined,
    undone: undefined,
  };
  const well = { drainingMs: null, beyond: [] };
  const nothing = { size: undefined, ageSeconds: undefined };

  it('is a line for each partition', () => {
    const fresh = rowOf({ ...orphan, ownerlessMs: 59_999 }, nothing, TTL_MS);
    expect([owned.trouble, fresh.trouble]).toEqual([null, null]);
    const members = [{ owner: 'host-1', count: 1, most: 4 }];
    expect(
      statusText({ ...well, queue: 'orders', partitions: 2, members, calmMs: 0, rows: [owned, fresh] }),
    ).toBe(`queue orders: 2 partitions, 1 worker that takes 4 at most
partition  next  not done  backlog  oldest  fence  owner
        0    18         3        3    12 s      7  host-1
        1     –         –        –       –      –  nobody for 60 s`);
  });

  it('tells of a partition that nobody has had for twice a lease', () => {
    const row = rowOf({ ...orphan, ownerlessMs: 60_000 }, nothing, TTL_MS);
    expect(row.trouble).toMatch(/^no worker has had it for 60 s/);
    const status = { ...well, queue: 'q', partitions: 2, members: [], calmMs: 9_000, rows: [row] };
    expect(statusText(status).split('\n').slice(-2)).toEqual([
      'Redis was restarted or emptied, or the layout changed: nobody may take a partition for another 9 s',
      `partition 1: ${row.trouble}`,
    ]);
  });

  it('tells of numbers that are lost while jobs wait', () => {
    const without = { ...orphan, ownerlessMs: 0 };
    expect(rowOf(without, { size: 5, ageSeconds: 1 }, TTL_MS).trouble).toMatch(/^its numbers are lost/);
    expect(rowOf(without, { size: 0, ageSeconds: undefined }, TTL_MS).trouble).toBeNull();
  });

  it('says that the queue is being drained, and what waits where no partition is any more', () => {
    const status = { queue: 'q', partitions: 2, members: [], calmMs: 0, rows: [owned] };
    const beyond = [
      { queue: 'q.2', backlog: 1_200 },
      { queue: 'q.7', backlog: 1 },
    ];
    const lines = statusText({ ...status, drainingMs: 5_000, beyond }).split('\n');
    expect(lines[1]).toMatch(
      /^it is being drained, for 5 s by now: jobs with a key are refused .*drain --cancel/,
    );
    expect(lines.at(-1)).toMatch(
      /^jobs wait beyond the last partition: q\.2 \(1,200\), q\.7 \(1\)\. .*PARTITIONS=0 WORKER_QUEUES=q\.2,q\.7$/,
    );
  });

  it('says where there is nothing', () => {
    expect(statusText({ ...well, queue: 'q', partitions: 0, members: [], calmMs: 0, rows: [] })).toBe(
      'queue q: Redis knows of no partitions',
    );
  });
});
