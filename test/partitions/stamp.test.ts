import { describe, expect, it } from 'vitest';
import { comparePositions, stampOf, withStamp } from '../../src/partitions/stamp.ts';

const STAMP = { number: 17, epoch: 1_760_000_000_000, key: '+5511999990000' };

describe('the stamp', () => {
  it('travels in custom, beside what is there', () => {
    const custom = withStamp({ trace: 'x', millrace: { other: 1 } }, STAMP);
    expect(custom).toEqual({
      trace: 'x',
      millrace: { other: 1, n: 17, e: 1_760_000_000_000, k: '+5511999990000' },
    });
    expect(stampOf(JSON.parse(JSON.stringify(custom)))).toEqual(STAMP);
    expect(stampOf(withStamp(undefined, STAMP))).toEqual(STAMP);
  });

  it.each([
    undefined,
    null,
    'text',
    [],
    {},
    { millrace: null },
    { millrace: [] },
    { millrace: { n: 1, e: 1 } },
    { millrace: { n: '1', e: 1, k: 'a' } },
    { millrace: { n: 0, e: 1, k: 'a' } },
    { millrace: { n: 1.5, e: 1, k: 'a' } },
    { millrace: { n: 1, e: -1, k: 'a' } },
    { millrace: { n: 2 ** 53, e: 1, k: 'a' } },
  ])('is not %j', (custom) => {
    expect(stampOf(custom)).toBeUndefined();
  });

  it('orders by epoch, then by number', () => {
    const at = (epoch: number, number: number) => ({ epoch, number });
    const sorted = [at(2, 1), at(1, 9), at(1, 2), at(2, 3)].sort(comparePositions);
    expect(sorted).toEqual([at(1, 2), at(1, 9), at(2, 1), at(2, 3)]);
  });
});
