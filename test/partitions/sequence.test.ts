import { describe, expect, it } from 'vitest';
import { parseRanges } from '../../src/partitions/ranges.ts';
import { at, E1, E2, open, runAll } from './opened-sequence.ts';
import { simulateOwners } from './sequence-simulation.ts';

describe('a sequence', () => {
  it('runs jobs by number, whatever order they come in, one at a time', () => {
    const sequence = open();
    sequence.offer(at(3), 'c', 0);
    sequence.offer(at(1), 'a', 0);
    const first = sequence.start(0)!;
    expect(first).toEqual({ job: 'a', at: at(1), late: false });
    sequence.offer(at(2), 'b', 0);
    expect(sequence.start(0)).toBeUndefined();
    expect(sequence.place.next).toBe(1);
    sequence.done(first);
    expect(sequence.place.next).toBe(2);
    expect(runAll(sequence)).toEqual(['b', 'c']);
    expect(sequence.place).toEqual({ epoch: E1, first: 1, next: 4, open: [] });
  });

  it('does not run a number that is done', () => {
    const sequence = open({ place: { epoch: E1, first: 1, next: 5, open: [] } });
    expect(sequence.offer(at(4), 'd', 0)).toEqual({ is: 'done' });
    expect(sequence.offer(at(5), 'e', 0)).toEqual({ is: 'held' });
    expect(runAll(sequence)).toEqual(['e']);
    expect(sequence.offer(at(5), 'e', 0)).toEqual({ is: 'done' });
    expect(sequence.tally.repeated).toBe(2);
  });

  it('keeps the newer delivery of a number that waits, and names the older one', () => {
    const sequence = open();
    sequence.offer(at(2), 'older', 0);
    expect(sequence.offer(at(2), 'newer', 0)).toEqual({ is: 'held', instead: 'older' });
    sequence.offer(at(1), 'a', 0);
    expect(runAll(sequence)).toEqual(['a', 'newer']);
  });

  it('keeps a delivery of what runs until that has ended', () => {
    const sequence = open();
    sequence.offer(at(1), 'a', 0);
    const turn = sequence.start(0)!;
    expect(sequence.offer(at(1), 'copy', 0)).toEqual({ is: 'held' });
    expect(sequence.done(turn)).toEqual(['copy']);
    expect(runAll(sequence)).toEqual([]);
  });

  it('has it take the place of what was put back', () => {
    const sequence = open();
    sequence.offer(at(1), 'a', 0);
    sequence.offer(at(2), 'b', 0);
    const turn = sequence.start(0)!;
    sequence.offer(at(1), 'copy', 0);
    sequence.putBack(turn);
    expect(runAll(sequence)).toEqual(['copy', 'b']);
  });

  it('waits for what was put back, and for as long as others come', () => {
    const sequence = open();
    sequence.offer(at(1), 'a', 0);
    sequence.putBack(sequence.start(0)!);
    sequence.offer(at(2), 'b', 0);
    expect(runAll(sequence, 0)).toEqual([]);
    sequence.offer(at(3), 'c', 90);
    expect(sequence.skip(150)).toBeUndefined();
    sequence.offer(at(1), 'a again', 180);
    expect(runAll(sequence, 180)).toEqual(['a again', 'b', 'c']);
  });

  it('waits for what was put back no longer than for others once the queue has come past it', () => {
    const sequence = open();
    for (const number of [2, 3, 4]) sequence.offer(at(number), `${number}`, 0);
    sequence.offer(at(1), '1', 0);
    sequence.putBack(sequence.start(0)!);
    sequence.gap(0);
    for (let now = 50; now <= 200; now += 50) {
      for (const number of [2, 3, 4]) sequence.drop(at(number), `${number}`);
      for (const number of [2, 3, 4]) sequence.offer(at(number), `${number}`, now);
    }
    expect(sequence.gap(200)).toMatchObject({ missing: [1, 1], sinceMs: 150, leftMs: 0 });
  });

  it('waits again for a job that was handed back before its turn', () => {
    const sequence = open();
    sequence.offer(at(1), 'a', 0);
    sequence.offer(at(2), 'b', 0);
    sequence.drop(at(2), 'b');
    sequence.offer(at(3), 'c', 0);
    expect(runAll(sequence)).toEqual(['a']);
    sequence.offer(at(2), 'b2', 0);
    expect(runAll(sequence)).toEqual(['b2', 'c']);
  });

  it('runs a job without number when it comes, and between the others', () => {
    const sequence = open();
    sequence.offer(at(1), 'a', 0);
    const turn = sequence.start(0)!;
    sequence.offer(undefined, 'x', 0);
    sequence.offer(at(2), 'b', 0);
    expect(sequence.start(0)).toBeUndefined();
    sequence.done(turn);
    expect(runAll(sequence)).toEqual(['x late', 'b']);
    expect(sequence.tally.late).toBe(1);
  });

  it('passes over void numbers', () => {
    const sequence = open();
    sequence.offer(at(4), 'd', 0);
    sequence.learnVoids(new Map([[E1, parseRanges('1-3')]]));
    expect(runAll(sequence)).toEqual(['d']);
    expect(sequence.tally.voided).toBe(3);
  });
});

describe('a void number', () => {
  it('whose job comes after all is run', () => {
    const sequence = open();
    sequence.offer(at(1), 'a', 0);
    sequence.offer(at(2), 'b', 0);
    sequence.learnVoids(new Map([[E1, parseRanges('1')]]));
    expect(runAll(sequence)).toEqual(['a', 'b']);
    expect([sequence.tally.voided, sequence.held]).toEqual([0, 0]);
  });

  it('is that of its own epoch', () => {
    const sequence = open();
    sequence.offer(at(2), 'b', 0);
    sequence.learnVoids(new Map([[E2, parseRanges('1')]]));
    expect(runAll(sequence)).toEqual([]);
  });
});

describe('a gap', () => {
  it('is there only where something waits behind it', () => {
    const sequence = open();
    expect(sequence.gap(0)).toBeUndefined();
    sequence.offer(at(3), 'c', 10);
    expect(sequence.gap(10)).toEqual({ epoch: E1, missing: [1, 2], sinceMs: 0, leftMs: 100 });
    expect(sequence.gap(60)).toEqual({ epoch: E1, missing: [1, 2], sinceMs: 50, leftMs: 50 });
  });

  it('is none while a job runs: the next may come meanwhile', () => {
    const sequence = open();
    sequence.offer(at(1), 'a', 0);
    sequence.start(0);
    sequence.offer(at(3), 'c', 0);
    expect(sequence.gap(0)).toBeUndefined();
  });

  it('is waited for, then skipped; who comes later runs late and once', () => {
    const sequence = open();
    sequence.offer(at(3), 'c', 0);
    expect(runAll(sequence)).toEqual([]);
    expect(sequence.skip(99)).toBeUndefined();
    expect(sequence.skip(100)).toMatchObject({ missing: [1, 2] });
    expect(runAll(sequence, 100)).toEqual(['c']);
    expect(sequence.place).toEqual({ epoch: E1, first: 1, next: 4, open: [[1, 2]] });
    expect(sequence.offer(at(2), 'b', 200)).toEqual({ is: 'held' });
    expect(runAll(sequence, 200)).toEqual(['b late']);
    expect(sequence.place.open).toEqual([[1, 1]]);
    expect(sequence.offer(at(2), 'b', 300)).toEqual({ is: 'done' });
    expect(sequence.tally).toEqual({ late: 1, repeated: 1, skipped: 2, voided: 0 });
  });

  it('is waited for anew when another one opens', () => {
    const sequence = open();
    sequence.offer(at(2), 'b', 0);
    sequence.offer(at(4), 'd', 0);
    expect(sequence.gap(0)).toMatchObject({ missing: [1, 1], leftMs: 100 });
    sequence.offer(at(1), 'a', 90);
    expect(runAll(sequence, 90)).toEqual(['a', 'b']);
    expect(sequence.gap(90)).toMatchObject({ missing: [3, 3], leftMs: 100 });
  });

  it('is waited for since it was seen first, though what waits behind it is handed back and comes again', () => {
    const sequence = open();
    sequence.offer(at(2), 'b', 0);
    expect(sequence.start(0)).toBeUndefined();
    sequence.drop(at(2), 'b');
    expect(sequence.start(40)).toBeUndefined();
    expect(sequence.gap(40)).toBeUndefined();
    sequence.offer(at(2), 'b', 60);
    expect(sequence.start(60)).toBeUndefined();
    expect(sequence.gap(60)).toMatchObject({ missing: [1, 1], sinceMs: 60, leftMs: 40 });
    expect(sequence.skip(100)).toMatchObject({ missing: [1, 1] });
    expect(runAll(sequence, 100)).toEqual(['b']);
  });

  it('is skipped without what was handed back behind it, which comes in its turn', () => {
    const sequence = open();
    for (const number of [3, 4, 5]) sequence.offer(at(number), `${number}`, 0);
    expect(runAll(sequence)).toEqual([]);
    sequence.drop(at(3), '3');
    sequence.drop(at(4), '4');
    expect(sequence.gap(50)).toMatchObject({ missing: [1, 4] });
    expect(sequence.skip(100)).toMatchObject({ missing: [1, 2] });
    expect(runAll(sequence, 100)).toEqual([]);
    sequence.offer(at(4), '4', 110);
    sequence.offer(at(3), '3', 120);
    expect(runAll(sequence, 120)).toEqual(['3', '4', '5']);
    expect(sequence.tally).toMatchObject({ skipped: 2, late: 0 });
  });

  it('is known to the next owner by its open numbers', () => {
    const first = open();
    first.offer(at(2), 'b', 0);
    first.gap(0);
    first.skip(100);
    const next = open({ place: first.place });
    next.offer(at(1), 'a', 0);
    expect(runAll(next)).toEqual(['a late', ...[]]);
  });
});

describe('a job given up to Dead', () => {
  it('lets the others go on, and runs should it be requeued', () => {
    const sequence = open();
    sequence.offer(at(1), 'poison', 0);
    sequence.offer(at(2), 'b', 0);
    sequence.giveUp(sequence.start(0)!);
    expect(runAll(sequence)).toEqual(['b']);
    sequence.offer(at(1), 'mended', 0);
    expect(runAll(sequence)).toEqual(['mended late']);
    expect(sequence.offer(at(1), 'mended', 0)).toEqual({ is: 'done' });
  });

  it('may die twice', () => {
    const sequence = open();
    sequence.offer(at(1), 'poison', 0);
    sequence.giveUp(sequence.start(0)!);
    sequence.offer(at(1), 'still poison', 0);
    sequence.giveUp(sequence.start(0)!);
    expect(sequence.place).toMatchObject({ next: 2, open: [[1, 1]] });
  });

  it('runs should it be requeued, however many others have died since', () => {
    const sequence = open();
    for (let number = 1; number <= 1_400; number += 1) {
      sequence.offer(at(number), `${number}`, 0);
      const turn = sequence.start(0)!;
      if (number % 2 === 0) sequence.giveUp(turn);
      else sequence.done(turn);
    }
    expect(sequence.place.open).toHaveLength(500);
    for (const number of [2, 398, 402, 1_400]) sequence.offer(at(number), `${number}`, 0);
    expect(runAll(sequence)).toEqual(['2 late', '398 late', '402 late', '1400 late']);
    expect(sequence.offer(at(1_399), 'done', 0)).toEqual({ is: 'done' });
  });
});

describe('with a concurrency', () => {
  it('starts in order, and says as next what is not done', () => {
    const sequence = open({ concurrency: 2 });
    for (const [i, job] of ['a', 'b', 'c'].entries()) sequence.offer(at(i + 1), job, 0);
    const a = sequence.start(0)!;
    const b = sequence.start(0)!;
    expect([a.job, b.job, sequence.start(0)]).toEqual(['a', 'b', undefined]);
    sequence.done(b);
    expect(sequence.place.next).toBe(1);
    expect(sequence.offer(at(2), 'b', 0)).toEqual({ is: 'done' });
    const c = sequence.start(0)!;
    sequence.done(a);
    expect(sequence.place.next).toBe(3);
    sequence.done(c);
    expect(sequence.place.next).toBe(4);
  });

  it('skips only what is missing, and not what is done behind it', () => {
    const sequence = open({ concurrency: 2 });
    for (const [i, job] of ['a', 'b', 'c'].entries()) sequence.offer(at(i + 1), job, 0);
    const a = sequence.start(0)!;
    sequence.done(sequence.start(0)!);
    sequence.putBack(a);
    expect(sequence.start(0)).toBeUndefined();
    expect(sequence.skip(100)).toMatchObject({ missing: [1, 1] });
    expect(runAll(sequence, 100)).toEqual(['c']);
    expect(sequence.offer(at(2), 'b', 200)).toEqual({ is: 'done' });
  });

  it('runs what was put back before what comes after, and nothing twice', () => {
    const sequence = open({ concurrency: 2 });
    for (const [i, job] of ['a', 'b', 'c'].entries()) sequence.offer(at(i + 1), job, 0);
    const a = sequence.start(0)!;
    sequence.done(sequence.start(0)!);
    sequence.putBack(a);
    sequence.offer(at(1), 'a again', 0);
    expect(runAll(sequence)).toEqual(['a again', 'c']);
  });
});

describe.each(Array.from({ length: 60 }, (_, i) => i + 1))('owners that come and go, seed %i', (seed) => {
  const { pushed, runs, late } = simulateOwners(seed);
  const told = `seed ${seed}: ${runs.map(({ owner, number }) => `${owner}:${number}`).join(' ')}`;

  it('run every number', () => {
    expect(new Set(runs.map(({ number }) => number)), told).toEqual(new Set(pushed));
    expect(late).toBe(0);
  });

  it('run a number once, unless its owner changed, and rise', () => {
    for (const [i, run] of runs.entries()) {
      const previous = runs[i - 1];
      if (previous?.owner === run.owner) expect(run.number, told).toBeGreaterThan(previous.number);
    }
  });

  it('start none before all of its predecessors were run', () => {
    const ran = new Set<number>();
    for (const { number } of runs) {
      const missing = pushed.filter((each) => each < number && !ran.has(each));
      expect(missing, told).toEqual([]);
      ran.add(number);
    }
  });
});
