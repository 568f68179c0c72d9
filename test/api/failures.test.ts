import { describe, expect, it } from 'vitest';
import { TokenFailures } from '../../src/api/failures.ts';

/** An address that has failed so often. */
function failed(failures: TokenFailures, ip: string, times: number, now = 0): void {
  for (let i = 0; i < times; i += 1) failures.failed(ip, now);
}

describe('TokenFailures', () => {
  it('closes an address over 100 failures, for the rest of the minute since the first', () => {
    const failures = new TokenFailures();
    failed(failures, '10.0.0.1', 100);
    expect(failures.waitMs('10.0.0.1', 1_000)).toBe(0);
    failed(failures, '10.0.0.1', 1, 1_000);
    expect(failures.waitMs('10.0.0.1', 1_000)).toBe(59_000);
    expect(failures.waitMs('10.0.0.2', 1_000)).toBe(0);
    expect(failures.waitMs('10.0.0.1', 60_000)).toBe(0);
    failed(failures, '10.0.0.1', 1, 60_000);
    expect(failures.waitMs('10.0.0.1', 60_000)).toBe(0);
  });

  it('never closes one that has sent a right token within a minute', () => {
    const failures = new TokenFailures();
    failures.succeeded('10.0.0.1', 0);
    failed(failures, '10.0.0.1', 1_000, 30_000);
    expect(failures.waitMs('10.0.0.1', 59_999)).toBe(0);
    expect(failures.waitMs('10.0.0.1', 60_000)).toBe(30_000);
  });

  it('takes the addresses of an IPv6 network for one', () => {
    const failures = new TokenFailures();
    for (let i = 0; i <= 100; i += 1) failures.failed(`2001:db8:0:1::${i.toString(16)}`, 0);
    expect(failures.waitMs('2001:db8:0:1:ffff::1', 0)).toBe(60_000);
    expect(failures.waitMs('2001:db8:0:2::1', 0)).toBe(0);
    expect(failures.waitMs('2001:db8::1', 0)).toBe(0);
    // IPv4, as a socket that takes both shows it, is no network.
    failed(failures, '::ffff:10.0.0.1', 101);
    expect(failures.waitMs('::ffff:10.0.0.1', 0)).toBe(60_000);
    expect(failures.waitMs('::ffff:10.0.0.2', 0)).toBe(0);
  });

  it('remembers 10,000 addresses at most', () => {
    const failures = new TokenFailures();
    for (let i = 0; i < 20_000; i += 1) failures.failed(`10.0.${i >> 8}.${i & 255}`, 0);
    expect(failures.size).toBe(10_000);
  });
});
