import { describe, expect, it } from 'vitest';
import { cellsOf, parseNumber, parseWholes, runsOf } from '../../src/bench/sweep.ts';

describe('the arguments of a sweep', () => {
  it.each([
    ['50', [50]],
    ['500,50', [50, 500]],
    [' 5, 10 ,5', [5, 10]],
  ])('%j is %j', (text, numbers) => {
    expect(parseWholes('--concurrency', text, 1, 500)).toEqual(numbers);
  });

  it.each(['', ',', '5,', '0', '501', '1.5', '-5', '1e2', 'five', '5 6'])('%j is none', (text) => {
    expect(() => parseWholes('--concurrency', text, 1, 500)).toThrow(
      `--concurrency is ${JSON.stringify(text)}, it takes whole numbers from 1 to 500`,
    );
  });

  it('takes a number with a fraction, within its limits', () => {
    expect(parseNumber('--seconds', '0.5', 0.5, 600)).toBe(0.5);
    for (const text of ['0.4', '601', '', '.', 'x', '-1', 'Infinity', '0x10']) {
      expect(() => parseNumber('--seconds', text, 0.5, 600)).toThrow('it takes a number from 0.5 to 600');
    }
  });

  it('is every latency with every concurrency, without prefetch and with', () => {
    expect(cellsOf([0, 20], [5, 10]).map((cell) => Object.values(cell).join(' '))).toEqual([
      '0 5 0',
      '0 5 auto',
      '0 10 0',
      '0 10 auto',
      '20 5 0',
      '20 5 auto',
      '20 10 0',
      '20 10 auto',
    ]);
  });

  it('is measured by turns: 0, auto, 0, auto of a cell before the next', () => {
    expect(runsOf(cellsOf([0], [5, 10]), 2).map((run) => Object.values(run).join(' '))).toEqual([
      '0 5 0 1',
      '0 5 auto 1',
      '0 5 0 2',
      '0 5 auto 2',
      '0 10 0 1',
      '0 10 auto 1',
      '0 10 0 2',
      '0 10 auto 2',
    ]);
  });

  it('is refused where it would take all day', () => {
    const many = Array.from({ length: 10 }, (_, i) => i + 1);
    expect(runsOf(cellsOf(many, many), 2)).toHaveLength(400);
    expect(() => runsOf(cellsOf(many, many), 3)).toThrow('make 600 measurements, it takes 500 at most');
  });
});
