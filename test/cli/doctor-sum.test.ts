import { describe, expect, it } from 'vitest';
import { mostOf, ms, sumOf, sumText, thumbText } from '../../src/cli/doctor-sum.ts';

const load = (roundTripMs: number, jobTimeMs: number, rate: number, processes = 1) => ({
  roundTripMs,
  jobTimeMs,
  rate,
  processes,
});

describe('the sum', () => {
  it.each([
    // round trip, job time, rate, processes: in flight, loops × processes, slots × processes
    [load(50, 1, 30_000), 1_530, [1_530, 1, 1_530], [38, 1, 38]],
    [load(50, 0.1, 30_000), 1_503, [1_503, 1, 1_503], [4, 1, 4]],
    [load(50, 200, 30_000), 7_500, [7_500, 4, 1_875], [7_500, 4, 1_875]],
    [load(50, 1, 30_000, 4), 1_530, [1_530, 4, 383], [38, 4, 10]],
    [load(100, 100, 10_000), 2_000, [2_000, 1, 2_000], [1_250, 1, 1_250]],
    [load(100, 100, 10_005), 2_001, [2_001, 2, 1_001], [1_251, 1, 1_251]],
    [load(0, 0, 1_000), 1, [1, 1, 1], [1, 1, 1]],
    [load(50, 0, 1_000), 50, [50, 1, 50], [1, 1, 1]],
    [load(0.3, 0.1, 0.5), 1, [1, 1, 1], [1, 1, 1]],
  ])('of %o is %d jobs in flight', (given, jobsInFlight, without, withAuto) => {
    const sum = sumOf(given);
    const spread = ({ slots, processes, concurrency }: typeof sum.withPrefetch) => [
      slots,
      processes,
      concurrency,
    ];
    expect(sum).toMatchObject({ jobsInFlight });
    expect([spread(sum.withoutPrefetch), spread(sum.withPrefetch)]).toEqual([without, withAuto]);
  });

  it('has the bandwidth and the sockets', () => {
    expect(sumOf(load(50, 1, 30_000, 3))).toMatchObject({ bytesPerSecond: 9_990_000, sockets: 75 });
  });

  it('backwards: what so many loops do at most', () => {
    expect(mostOf(500, 50, 0)).toBe(10_000);
    expect(mostOf(500, 0, 0)).toBeUndefined();
  });
});

describe('the sum in words', () => {
  it('is shown step by step', () => {
    const text = sumText(load(50, 1, 30_000)).join('\n');
    for (const part of [
      'rate × (round trip + job time) = 30,000 × 0.051 = 1,530',
      'holds its job all the way: 1,530 slots in 1 process',
      '= 30,000 × 0.001 × 1.25: 38 slots in 1 process (up to 2,000 a process)',
      'WORKER_PREFETCH=auto, WORKER_CONCURRENCY=38 or more (the default, 500, is enough)',
      '333 bytes = 9.99 MB/s, 79.9 Mbit/s',
      '9,000 to 12,000 jobs/s',
    ])
      expect(text).toContain(part);
  });

  it('tells the processes where one is not enough', () => {
    expect(sumText(load(50, 200, 30_000)).join('\n')).toContain(
      'WORKER_CONCURRENCY=1875 or more in each of 4 processes',
    );
  });

  it('says so where one slot is the least there is, and where a product is no whole number', () => {
    const none = sumText(load(0, 0, 1_000)).join('\n');
    expect(none).toContain('= 1,000 × 0 = 0: at least 1\n');
    const rare = sumText(load(50, 1, 0.001)).join('\n');
    for (const part of [
      '= 0.001 × 0.051 = 0.000051: at least 1\n',
      'bytes = under 0.001 MB/s, under 0.001 Mbit/s',
      'WORKER_CONCURRENCY=1 or more',
    ])
      expect(rare).toContain(part);
    expect(sumText(load(50, 1.5, 1_000)).join('\n')).toContain('= 1,000 × 0.0515 = 51.5: 52\n');
    expect(sumOf(load(50, 1, 0.001)).bytesPerSecond).toBe(1);
  });

  it('says what one Faktory cannot have: the rate, the sockets', () => {
    const mind = (rate: number, processes?: number) =>
      sumText(load(50, 1_000, rate, processes)).filter((line) => line.startsWith('  mind'));
    expect(mind(9_000, 80)).toEqual([]);
    expect(mind(9_000, 81)).toEqual([
      '  mind the sockets      2,025 cannot be on one Faktory: 80 processes at most, with more slots each, or more than one Faktory',
    ]);
    expect(mind(200_000)).toEqual([
      expect.stringContaining('  mind the sockets      3,125 cannot be on one Faktory'),
      expect.stringContaining('  mind Faktory '),
    ]);
  });

  it('without a rate is the rule of thumb', () => {
    expect(thumbText(0.3, 1).join('\n')).toContain('WORKER_CONCURRENCY=50 to 100');
    const text = thumbText(50, 0).join('\n');
    expect(text).toContain(
      'WORKER_CONCURRENCY=300 to 1,000; 500 loops would do at most 500 ÷ 0.05 = 10,000 jobs/s',
    );
    expect(thumbText(400, 1).join('\n')).toContain('that of a WAN');
    expect(thumbText(0, 0).join('\n')).not.toContain('÷');
  });

  it.each([
    [0.4213, '0.421 ms'],
    [41.26, '41.3 ms'],
    [1_203.6, '1,204 ms'],
    [0, '0 ms'],
  ])('%d ms is shown as %s', (number, text) => expect(ms(number)).toBe(text));
});
