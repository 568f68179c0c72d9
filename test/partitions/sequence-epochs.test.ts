import { describe, expect, it } from 'vitest';
import { at, E1, E2, open, runAll } from './opened-sequence.ts';

describe('epochs', () => {
  const TWO = [
    { epoch: E1, first: 1 },
    { epoch: E2, first: 3 },
  ];

  it('go on without a gap where nothing was lost', () => {
    const sequence = open({ epochs: TWO });
    sequence.offer(at(4, E2), 'd', 0);
    sequence.offer(at(3, E2), 'c', 0);
    sequence.offer(at(2), 'b', 0);
    sequence.offer(at(1), 'a', 0);
    expect(runAll(sequence)).toEqual(['a', 'b', 'c', 'd']);
    expect(sequence.place).toEqual({ epoch: E2, first: 3, next: 5, open: [] });
  });

  it('wait for what is missing of the one before', () => {
    const sequence = open({ epochs: TWO });
    sequence.offer(at(3, E2), 'c', 0);
    expect(runAll(sequence)).toEqual([]);
    expect(sequence.gap(0)).toMatchObject({ missing: [1, 2], leftMs: 100 });
    sequence.skip(100);
    expect(runAll(sequence, 100)).toEqual(['c']);
    sequence.offer(at(1), 'a', 200);
    expect(runAll(sequence, 200)).toEqual(['a late']);
  });

  it('are asked for where one is not known', () => {
    const sequence = open();
    expect(sequence.asksForEpochs).toBe(false);
    sequence.offer(at(1, E2), 'b', 0);
    expect(sequence.asksForEpochs).toBe(true);
    expect(runAll(sequence)).toEqual([]);
    sequence.learn([
      { epoch: E1, first: 1 },
      { epoch: E2, first: 1 },
    ]);
    expect(sequence.asksForEpochs).toBe(false);
    expect(runAll(sequence)).toEqual(['b']);
  });

  it('tell numbers that Redis forgot and gave again: both jobs run, the older one first', () => {
    // Up to 5 were given and 4 are done; Redis came back knowing 2, and gives 3 and 4 again.
    const sequence = open({ place: { epoch: E1, first: 1, next: 5, open: [] }, epochs: TWO });
    sequence.offer(at(3, E2), 'new 3', 0);
    sequence.offer(at(4, E2), 'new 4', 0);
    sequence.offer(at(5), 'old 5', 0);
    expect(sequence.offer(at(4), 'old 4', 0)).toEqual({ is: 'done' });
    expect(runAll(sequence)).toEqual(['old 5', 'new 3', 'new 4']);
    // A number of the forgotten tail: nobody knows any more whether it was done.
    sequence.offer(at(4), 'old 4', 0);
    expect(runAll(sequence)).toEqual(['old 4 late']);
    expect(sequence.offer(at(2), 'old 2', 0)).toEqual({ is: 'done' });
  });

  it('wait for what was put back of one whose numbers the next one gives again', () => {
    const sequence = open({ place: { epoch: E1, first: 1, next: 5, open: [] }, epochs: TWO });
    sequence.offer(at(5), 'old 5', 0);
    sequence.putBack(sequence.start(0)!);
    sequence.offer(at(3, E2), 'new 3', 0);
    expect(runAll(sequence)).toEqual([]);
    expect(sequence.gap(0)).toMatchObject({ epoch: E1, missing: [5, 5] });
    sequence.offer(at(5), 'old 5', 10);
    expect(runAll(sequence, 10)).toEqual(['old 5', 'new 3']);
  });

  it('go on without what was put back once it was waited for long enough', () => {
    const sequence = open({ place: { epoch: E1, first: 1, next: 5, open: [] }, epochs: TWO });
    for (const number of [5, 6]) sequence.offer(at(number), `old ${number}`, 0);
    sequence.drop(at(6), 'old 6');
    sequence.putBack(sequence.start(0)!);
    sequence.offer(at(3, E2), 'new 3', 0);
    expect(runAll(sequence)).toEqual([]);
    expect(sequence.skip(100)).toMatchObject({ epoch: E1, missing: [5, 6] });
    expect(runAll(sequence, 100)).toEqual(['new 3']);
  });

  it('do not mix up open numbers of one with those of the next', () => {
    const sequence = open({ epochs: TWO, place: { epoch: E1, first: 1, next: 6, open: [[1, 5]] } });
    sequence.offer(at(3, E2), 'c', 0);
    expect(runAll(sequence)).toEqual(['c']);
    expect(sequence.place).toEqual({ epoch: E2, first: 3, next: 4, open: [[1, 2]] });
    sequence.offer(at(4, E2), 'd', 0);
    expect(runAll(sequence)).toEqual(['d']);
  });
});
