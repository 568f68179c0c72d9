import { describe, expect, it } from 'vitest';
import { cellsOf, parseNumber, parseWholes } from '../../src/bench/sweep.ts';

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

  it('is refused where it would take all day', () => {
    const many = Array.from({ length: 11 }, (_, i) => i + 1);
    expect(() => cellsOf(many, many)).toThrow('make 242 measurements, it takes 200 at most');
  });
});
