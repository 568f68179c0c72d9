import { expect, it } from 'vitest';
import { roundTripsOf } from '../../src/cli/doctor-round-trips.ts';

it('round trips: percentiles by nearest rank, jitter from one to the next', () => {
  expect(roundTripsOf([10, 14, 10, 12])).toEqual({
    samples: 4,
    least: 10,
    median: 10,
    p99: 14,
    jitter: 10 / 3,
  });
  expect(roundTripsOf([7])).toEqual({ samples: 1, least: 7, median: 7, p99: 7, jitter: 0 });
  const rising = Array.from({ length: 200 }, (_, i) => i + 1);
  expect(roundTripsOf(rising)).toEqual({ samples: 200, least: 1, median: 100, p99: 198, jitter: 1 });
});
