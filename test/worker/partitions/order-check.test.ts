import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { orderFaults, type Skip, unended } from '../../faults/order-check.ts';
import { type OrderLine, OrderLog, parseLines } from '../../faults/order-log.ts';
import { ACTS, dealt } from '../../faults/order-mix.ts';
import { seeded } from '../../protocol/seeded.ts';

/**
 * `start 0 f2 p9 r3 @500`: of the job 0 of key k, whose number is 1, in partition 3; by fence 2, process 9, as its third
 * run, at 500 ms. Without them: fence 1, process 1 (as the fence), one run for each job, and a ms after the line before.
 */
function linesOf(text: string): OrderLine[] {
  let now = 0;
  const lines = text.split(',').map((each) => {
    const [what, ...words] = each.trim().split(' ');
    const given = (letter: string): number | undefined => {
      const word = words.find((some) => some.startsWith(letter));
      return word === undefined ? undefined : Number(word.slice(1));
    };
    now = given('@') ?? now + 1;
    const fence = given('f') ?? 1;
    const pid = given('p') ?? fence;
    if (what === 'dead') return `dead - ${now} ${pid}`;
    if (what === 'still') return `still - ${now} ${pid} ${given('<')}`;
    const index = Number(words[0]);
    const [key, partition] = [`k${given('k') ?? ''}`, given('q') ?? 3];
    return `${what} id-${index} ${now} ${pid} ${key} ${index} ${partition} ${fence} 1 ${given('r') ?? index} 7 ${index + 1}`;
  });
  return parseLines(`${lines.join('\n')}\n`);
}

const TTL_MS = 2_000;
const stored = (...indices: number[]) => new Map([['k', indices]]);
const of = (indices: number[], skips: Skip[] = []) => ({
  stored: stored(...indices),
  ttlMs: TTL_MS,
  skips,
  gapWaitMs: 100,
});

describe('the checker of the order finds nothing', () => {
  it.each([
    [
      'one after another, some again',
      'start 0, end 0, start 1, abort 1, start 1 f2, end 1 f2, start 2 f2, end 2 f2',
    ],
    ['tried again after a failure', 'start 0, fail 0, start 0 r9, end 0 r9, start 1, end 1, start 2, end 2'],
    [
      'again before its successor',
      'start 0, end 0, start 0 f2, end 0 f2, start 1 f2, end 1 f2, start 2 f2, end 2 f2',
    ],
    [
      'beside the run of a dead process',
      'start 0, end 0, start 1, dead p1, start 1 f2, end 1 f2, start 2 f2, end 2 f2',
    ],
    [
      'beside the run of one that stands still, whose end does not count',
      'start 0 @0, start 0 f2 @3000, still p1 <100 @5000, end 0, end 0 f2, start 1 f2, end 1 f2, start 2 f2, end 2 f2',
    ],
    [
      'by a new fence of one that stood still',
      'start 0 @0, end 0 @1, still p1 <100 @5000, start 1 f2 p1, end 1 f2 p1, start 2 f2 p1, end 2 f2 p1',
    ],
    [
      'by the fence from before a standstill that was shorter than the lease',
      'start 0 @0, end 0 @1, still p1 <100 @1900, start 1, end 1, start 2, end 2',
    ],
  ])('where jobs run %s', (_, text) => {
    expect(orderFaults(linesOf(text), of([0, 1, 2]))).toEqual([]);
  });

  it('in partitions beside each other, each with fences of its own', () => {
    const lines = linesOf('start 0 k1 q1 f9, start 0 k2 q2 f4 r2, end 0 k1 q1 f9, end 0 k2 q2 f4 r2');
    expect(orderFaults(lines, of([]))).toEqual([]);
  });
});

describe('the checker of the order refuses', () => {
  it.each([
    [
      'a job that starts before the one before it, and that one after it',
      'start 1, end 1, start 0, end 0',
      [
        '1 (partition 3, number 2, fence 1, process 1, try 1) started before 0 had ended',
        'started after 1 had',
      ],
    ],
    [
      'a job whose predecessor has failed',
      'start 0, fail 0, start 1, end 1, start 0 r9, end 0 r9',
      ['before 0', 'after 1'],
    ],
    [
      'a job beside another of its owner',
      'start 0 k1 r5, start 0, end 0 k1 r5, end 0, start 1, end 1',
      ['while k1 0'],
    ],
    [
      'a job that runs again after its successor',
      'start 0, end 0, start 1, end 1, start 0, end 0',
      ['started after 1'],
    ],
    [
      'a job that runs again after its successor has only started',
      'start 0, end 0, start 1, abort 1, start 0 f2, end 0 f2, start 1 f2, end 1 f2',
      ['0 (partition 3, number 1, fence 2, process 2, try 1) started after 1'],
    ],
    [
      'a fence lower than one before',
      'start 0 f2, end 0 f2, start 1, end 1 , start 1 f2, end 1 f2',
      ['fence 1 after fence 2'],
    ],
    ['a fence of two owners', 'start 0, end 0, start 1 p8, end 1 p8', ['fence 1, which process 1 has']],
    ['one job at two owners at once', 'start 0, start 0 f2, end 0 f2, start 1 f2, end 1 f2', ['while k 0']],
    [
      'two owners at once, though the older has stood still before',
      'start 0 @0, still p1 <100 @1000, start 0 f2 @2000, end 0 f2, start 1 f2, end 1 f2',
      ['while k 0'],
    ],
    [
      'two owners at once, though the older dies after that',
      'start 0, start 0 f2, dead p1, end 0 f2, start 1 f2, end 1 f2',
      ['while k 0'],
    ],
    [
      'the end of an old owner in place of that of the new one',
      'start 0, dead p1 , start 0 f2, end 0, fail 0 f2, start 1 f2, end 1 f2',
      ['started before 0', 'never ended: k 0'],
    ],
    [
      'a start by the fence from before a long standstill',
      'start 0 @0, end 0 @1, start 0 k2 @2, still p1 <100 @5000, end 0 k2, start 1 @5002, end 1',
      ['stood still for 4900 ms'],
    ],
    [
      'one that comes before the standstill is told',
      'start 0 @0, end 0 @5000, start 1 @5000, still p1 <100 @5001, end 1',
      ['stood still for 4901 ms'],
    ],
    ['a job that never ended', 'start 0, end 0, start 1', ['never ended: k 1']],
  ])('%s', (_, text, expected) => {
    const faults = orderFaults(linesOf(text), of([0, 1]));
    expect(faults.map((fault, i) => (fault.includes(expected[i]!) ? expected[i] : fault))).toEqual(expected);
  });

  it('what has not ended by an end that counts', () => {
    expect(unended(linesOf('start 0, start 0 f2, end 0, end 1 f2'), of([0, 1, 2]))).toEqual(['k 0', 'k 2']);
  });
});

describe('numbers that an owner went on without', () => {
  const skip = { at: 500, partition: 3, epoch: 7, first: 1, last: 1, waitedMs: 100 };
  const late = 'start 1 @501, end 1, start 2, end 2, start 0, end 0';

  it('are forgiven to their own jobs', () => {
    expect(orderFaults(linesOf(late), of([0, 1, 2], [skip]))).toEqual([]);
  });

  it.each<[string, string, Partial<Skip>, string]>([
    [
      'before it did',
      late.replace('@501', '@400'),
      {},
      '1 (partition 3, number 2, fence 1, process 1, try 1) started before 0',
    ],
    ['to other jobs', 'start 0 @501, end 0, start 2, end 2, start 1, end 1', {}, 'started before 1'],
    ['of another partition', late, { partition: 2 }, 'started before 0'],
    ['of another epoch', late, { epoch: 6 }, 'started before 0'],
    [
      'where it did not wait as long as it should',
      late,
      { waitedMs: 99 },
      'went on without 1 to 1 after 99 ms',
    ],
  ])('but not %s', (_, text, change, expected) => {
    const [first] = orderFaults(linesOf(text), of([0, 1, 2], [{ ...skip, ...change }]));
    expect(first).toContain(expected);
  });

  it('do not hide what else is wrong', () => {
    const faults = orderFaults(linesOf(`${late}, start 1 r9, end 1 r9`), of([0, 1, 2], [skip]));
    expect(faults).toEqual([expect.stringContaining('started after 2')]);
  });
});

describe('the log of the handlers', () => {
  it('is read as it grows, each line once and whole', () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-order-'));
    try {
      const file = join(folder, 'runs');
      appendFileSync(file, 'start id 5 9 k 0 3 1 1 1 7 1\nend id 6 9 k 0 ');
      const log = new OrderLog(file);
      expect(log.lines).toHaveLength(1);
      appendFileSync(file, '3 1 1 1 7 1\nstill - 9 9 7\n');
      expect(log.lines.map(({ what, at }) => `${what} ${at}`)).toEqual(['start 5', 'end 6', 'still 9']);
      expect(log.starts).toEqual([
        expect.objectContaining({ key: 'k', number: 1, epoch: 7, run: 1, pid: 9 }),
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the faults of the mix', () => {
  it('come each once before any comes again, in an order of the seed', () => {
    const names = Object.keys(ACTS);
    const dealer = dealt(names, seeded(5));
    const deal = (): string[] => names.map(() => dealer.next().value);
    const [one, two] = [deal(), deal()];
    expect([...one].sort()).toEqual([...names].sort());
    expect([...two].sort()).toEqual([...names].sort());
    const again = dealt(names, seeded(5));
    expect(names.map(() => again.next().value)).toEqual(one);
    expect(two).not.toEqual(one);
  });
});
