import { describe, expect, it } from 'vitest';
import { ordinalOf, partitionsOfOrdinal } from '../../src/partitions/ordinal.ts';

describe('the ordinal', () => {
  it.each([
    [undefined, 'worker-0', 0],
    [undefined, 'worker-service-12', 12],
    [undefined, 'worker-3.workers.default.svc', 3],
    [5, 'worker-0', 5],
    [0, 'anything', 0],
  ])('of %s on %s is %i', (setting, host, ordinal) => {
    expect(ordinalOf(setting, host)).toBe(ordinal);
  });

  it.each(['laptop', 'worker7', 'worker-x', 'a-12345'])('cannot be told on %s', (host) => {
    expect(() => ordinalOf(undefined, host)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('REDIS_URL') }),
    );
  });
});

describe('the partitions of an ordinal', () => {
  it('cover all of them, each once', () => {
    const all = [0, 1, 2].flatMap((ordinal) => partitionsOfOrdinal(ordinal, 4, 10));
    expect(all).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(partitionsOfOrdinal(3, 4, 10)).toEqual([]);
  });
});
