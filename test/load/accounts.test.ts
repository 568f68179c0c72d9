import { describe, expect, it } from 'vitest';
import { type Account, gapsOf } from '../../src/load/accounts.ts';

/** A bombardment of 1,000: 5 malformed, 5 for Dead. */
const WHOLE: Account = {
  sent: 1_000,
  accepted: 995,
  refused: 5,
  errors: 0,
  cut: 0,
  malformed: 5,
  mayRefuse: false,
  stored: 995,
  executed: 990,
  poisoned: 5,
  dead: 5,
};

describe('the accounts of a load', () => {
  it('have no gap where all adds up', () => {
    expect(gapsOf(WHOLE)).toEqual([]);
    expect(gapsOf({ ...WHOLE, stored: null, executed: null, poisoned: null, dead: null })).toEqual([]);
    // Others' jobs die, too.
    expect(gapsOf({ ...WHOLE, dead: 6 })).toEqual([]);
  });

  it.each<[string, Partial<Account>]>([
    ['1,000 sent, 999 accounted for', { accepted: 994, stored: 994, executed: 989 }],
    ['3 of 1,000 requests got no answer', { errors: 3, accepted: 992, stored: null, executed: 987 }],
    [
      '2 requests were refused that should not have been',
      { refused: 7, accepted: 993, stored: 993, executed: 988 },
    ],
    ['2 malformed requests were not refused', { refused: 3, accepted: 997, stored: 997, executed: 992 }],
    ['5 accepted jobs were never stored', { stored: 990, executed: 985 }],
    ['10 of 995 accepted jobs were lost', { executed: 980 }],
    ['1 jobs more were run than were accepted', { executed: 991 }],
    ['2 of 5 invalid jobs are not in Dead', { dead: 3 }],
  ])('tell: %s', (words, change) => {
    expect(gapsOf({ ...WHOLE, ...change })).toEqual([expect.stringContaining(words)]);
  });

  it('know that what was cut may have been stored or not', () => {
    const cut = { ...WHOLE, sent: 1_100, cut: 100, mayRefuse: true };
    expect(gapsOf({ ...cut, stored: 1_020, executed: 1_015 })).toEqual([]);
    expect(gapsOf({ ...cut, stored: 1_020, executed: 1_014 })).toEqual([
      expect.stringContaining('1 of 1,020'),
    ]);
    expect(gapsOf({ ...cut, stored: null, executed: 1_090 })).toEqual([]);
    expect(gapsOf({ ...cut, stored: null, executed: 1_091 })).toEqual([
      expect.stringContaining('1 jobs more'),
    ]);
  });
});
