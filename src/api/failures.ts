/** How many wrong tokens an address may send; pure, time is given. */

/** Wrong tokens in a minute, from an address that has sent no right one. */
const MOST_FAILURES = 100;
const WINDOW_MS = 60_000;
/** Addresses that are remembered; the one that is known longest is forgotten first. */
const MOST_ADDRESSES = 10_000;

interface Attempts {
  since: number;
  failures: number;
  succeededAt: number;
}

/**
 * Counts wrong tokens by address. A token of 32 random bytes cannot be guessed at any speed: this keeps short ones from
 * being guessed, and those who try from costing a hash each. Since many clients may share an address (a proxy's, a
 * NAT's), one that has sent a right token within the last minute is never refused.
 */
export class TokenFailures {
  readonly #attempts = new Map<string, Attempts>();

  /** Ms until the address is listened to again; 0: it is. */
  waitMs(ip: string, now: number): number {
    const attempts = this.#attempts.get(networkOf(ip));
    if (attempts === undefined || attempts.failures <= MOST_FAILURES) return 0;
    if (now - attempts.succeededAt < WINDOW_MS) return 0;
    return Math.max(0, attempts.since + WINDOW_MS - now);
  }

  failed(ip: string, now: number): void {
    const attempts = this.#of(ip, now);
    if (attempts.failures === 0 || now - attempts.since >= WINDOW_MS) {
      attempts.since = now;
      attempts.failures = 0;
    }
    attempts.failures += 1;
  }

  succeeded(ip: string, now: number): void {
    this.#of(ip, now).succeededAt = now;
  }

  get size(): number {
    return this.#attempts.size;
  }

  #of(ip: string, now: number): Attempts {
    const key = networkOf(ip);
    const found = this.#attempts.get(key);
    if (found !== undefined) return found;
    if (this.#attempts.size >= MOST_ADDRESSES) {
      const [oldest] = this.#attempts.keys();
      this.#attempts.delete(oldest!);
    }
    const attempts = { since: now, failures: 0, succeededAt: Number.NEGATIVE_INFINITY };
    this.#attempts.set(key, attempts);
    return attempts;
  }
}

/** Whom an address stands for: who has one of IPv6 has the other 2^64 of its network, too. */
export function networkOf(ip: string): string {
  if (!ip.includes(':') || ip.includes('.')) return ip;
  const [head = '', tail = ''] = ip.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0');
  return [...front, ...zeros, ...back].slice(0, 4).join(':');
}
