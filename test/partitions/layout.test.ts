import { describe, expect, it } from 'vitest';
import {
  partitionIn,
  partitionQueues,
  podsNeeded,
  queuesBeyond,
  SpreadTally,
  seenPartitions,
  uncovered,
} from '../../src/partitions/layout.ts';
import { partitionOf } from '../../src/partitions/partition-hash.ts';

describe('names of partitions', () => {
  it('are the queue and the number', () => {
    expect(partitionQueues('orders', 3)).toEqual(['orders.0', 'orders.1', 'orders.2']);
    for (const [partition, name] of partitionQueues('a.b', 12).entries())
      expect(partitionIn(name, 'a.b', 12)).toBe(partition);
  });

  it.each([
    'orders',
    'orders.',
    'orders.03',
    'orders.4',
    'orders.-1',
    'orders.1.0',
    'orders.x',
    'other.1',
    'orders.1e0',
  ])('are not %s', (name) => {
    expect(partitionIn(name, 'orders', 4)).toBeUndefined();
  });
});

describe('what Faktory says', () => {
  it('is whether jobs wait beyond the last partition, as of a layout that had more', () => {
    const sizes = {
      orders: 5,
      'orders.1': 5,
      'orders.11': 2,
      'orders.2': 3,
      'orders.3': 0,
      'orders.x': 1,
      'orders.9999': 1,
    };
    expect(queuesBeyond('orders', 2, sizes)).toEqual([
      { queue: 'orders.2', backlog: 3 },
      { queue: 'orders.11', backlog: 2 },
    ]);
  });

  it('is whether anyone was ever there, and where nothing waits', () => {
    expect(seenPartitions('q', 3, { default: 5 })).toEqual({ untouched: true, empty: [0, 1, 2] });
    expect(seenPartitions('q', 3, { 'q.1': 2, 'q.2': 0, 'q.3': 7 })).toEqual({
      untouched: false,
      empty: [0, 2],
    });
    expect(seenPartitions('q', 1, { 'q.0': 0 })).toEqual({ untouched: false, empty: [0] });
  });
});

describe('pods', () => {
  it.each([
    [16, 2, 8],
    [64, 4, 16],
    [8, 1, 8],
    [10, 4, 3],
    [1, 4, 1],
  ])('%i partitions, %i a pod: %i', (partitions, perPod, pods) => {
    expect(podsNeeded(partitions, perPod)).toBe(pods);
    expect(uncovered(partitions, perPod, pods)).toBe(0);
    expect(uncovered(partitions, perPod, pods - 1)).toBeGreaterThan(0);
  });

  it('leave what they do not reach without owner', () => {
    expect(uncovered(16, 4, 3)).toBe(4);
    expect(uncovered(16, 4, 0)).toBe(16);
  });
});

describe('the spread', () => {
  it('counts jobs and keys of each partition', () => {
    const tally = new SpreadTally(4);
    for (const key of ['a', 'b', 'c', 'a']) tally.add(key);
    const { jobs, keys, partitions, hot } = tally.result();
    expect([jobs, keys, hot]).toEqual([4, 3, []]);
    const expected = [0, 1, 2, 3].map((partition) => ({
      jobs: ['a', 'b', 'c', 'a'].filter((key) => partitionOf(key, 4) === partition).length,
      keys: ['a', 'b', 'c'].filter((key) => partitionOf(key, 4) === partition).length,
    }));
    expect(partitions).toEqual(expected);
  });

  it('names the keys that fill a partition by themselves, the hottest first', () => {
    const tally = new SpreadTally(4);
    for (let i = 0; i < 100; i += 1) tally.add(`cold ${i}`);
    for (let i = 0; i < 80; i += 1) tally.add('warm');
    for (let i = 0; i < 120; i += 1) tally.add('hot');
    // 300 jobs over 4 partitions: 75 each.
    expect(tally.result().hot).toEqual([
      { key: 'hot', jobs: 120, partition: partitionOf('hot', 4) },
      { key: 'warm', jobs: 80, partition: partitionOf('warm', 4) },
    ]);
  });

  it('calls nothing hot that came a few times', () => {
    const tally = new SpreadTally(64);
    for (let i = 0; i < 9; i += 1) tally.add('a');
    expect(tally.result().hot).toEqual([]);
  });
});
