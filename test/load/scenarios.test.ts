import { describe, expect, it } from 'vitest';
import {
  jobsOf,
  parseScenarios,
  SCENARIO_NAMES,
  sizeOf,
  titleOf,
  whyLeftOut,
} from '../../src/load/scenarios.ts';

const USUAL = { requests: undefined, seconds: undefined, perSecond: undefined, connections: 100 };

describe('the scenarios', () => {
  it('are as many and as long as the documents have them, unless told otherwise', () => {
    expect(SCENARIO_NAMES.map((name) => jobsOf(name, USUAL))).toEqual([
      10_000,
      50_000,
      50_000,
      60_000,
      null,
      1_000,
    ]);
    const other = { ...USUAL, requests: 300, seconds: 2, perSecond: 50 };
    expect(sizeOf('bombardment', other)).toEqual({ requests: 300, seconds: 0, perSecond: 0 });
    expect(sizeOf('sustained', other)).toEqual({ requests: 0, seconds: 2, perSecond: 50 });
    expect(sizeOf('saturation', other)).toEqual({ requests: 0, seconds: 2, perSecond: 0 });
    expect(titleOf('sustained', sizeOf('sustained', other))).toBe('50 requests/s, held');
  });

  it('are named in any order, run in one', () => {
    expect(parseScenarios('sustained, ten-thousand')).toEqual(['ten-thousand', 'sustained']);
    expect(() => parseScenarios('sustained,all')).toThrow(/it takes any of ten-thousand, bombardment/);
  });

  it('are left out where they would do harm, or cannot be', () => {
    const own = { isForeign: false, hasWorker: true };
    expect(SCENARIO_NAMES.filter((name) => whyLeftOut(name, own, false) !== undefined)).toEqual([]);
    const foreign = { isForeign: true, hasWorker: false };
    expect(whyLeftOut('saturation', foreign, false)).toContain('--scenario');
    expect(whyLeftOut('saturation', foreign, true)).toBeUndefined();
    expect(whyLeftOut('end-to-end', foreign, true)).toContain('FAKTORY_URL');
    expect(whyLeftOut('sustained', foreign, false)).toBeUndefined();
  });
});
