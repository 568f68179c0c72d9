/** Keeps Idempotency-Keys in Redis: for several API processes, and longer than each of them lives. */
import type { RedisLink } from '../../redis.ts';
import { type Attempt, type Begun, type Ending, type IdempotencyStore, LEASE_MS } from './store.ts';

/**
 * A record is text: one letter, the fingerprint, and what belongs to the letter:
 * n(ew) or r(esent) the owner and when its lease ends, in ms by Redis' own clock; d(one) the queue; u(nknown) nothing.
 */
const BEGIN = `
local fingerprint, owner, lease, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local record = redis.call('GET', KEYS[1])
local state = record and string.sub(record, 1, 1)
local rest = record and string.sub(record, 2 + #fingerprint)
local own = (state == 'n' or state == 'r') and string.sub(rest, 1, #owner) == owner
if own and state == 'n' then record = false end
if record then
  if string.sub(record, 2, 1 + #fingerprint) ~= fingerprint then return 'mismatch' end
  if state == 'd' then return 'done:' .. rest end
  if state ~= 'u' and not own and now < tonumber(string.sub(rest, 1 + #owner)) then return 'running' end
end
redis.call('SET', KEYS[1], (record and 'r' or 'n') .. fingerprint .. owner .. string.format('%.0f', now + lease), 'PX', keep)
return record and 'resend' or 'new'
`;

const FINISH = `
local fingerprint, owner, ending, queue, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local record = redis.call('GET', KEYS[1])
if record and string.sub(record, 2, 1 + #fingerprint) ~= fingerprint then return end
if ending == 'stored' then
  redis.call('SET', KEYS[1], 'd' .. fingerprint .. queue, 'PX', keep)
  return
end
local state = record and string.sub(record, 1, 1)
if state ~= 'n' and state ~= 'r' then return end
if string.sub(record, 2 + #fingerprint, 1 + #fingerprint + #owner) ~= owner then return end
if ending == 'failed' and state == 'n' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], 'u' .. fingerprint, 'PX', keep)
end
`;

const PREFIX = 'millrace:idempotency:';
const BEGUN = new Set(['new', 'resend', 'running', 'mismatch']);

export interface RedisStoreOptions {
  /** Closed with the store. */
  link: RedisLink;
  /** How long a key is kept. */
  ttlMs: number;
  /** How long an attempt may take (default 30 s). */
  leaseMs?: number;
}

export class RedisStore implements IdempotencyStore {
  readonly #link: RedisLink;
  readonly #ttlMs: number;
  readonly #leaseMs: number;

  constructor({ link, ttlMs, leaseMs = LEASE_MS }: RedisStoreOptions) {
    this.#link = link;
    this.#ttlMs = ttlMs;
    this.#leaseMs = leaseMs;
  }

  connect(): void {
    this.#link.connect();
  }

  async begin({ id, fingerprint, owner }: Attempt): Promise<Begun> {
    const keep = this.#leaseMs + this.#ttlMs;
    const args = [fingerprint, owner, this.#leaseMs, keep];
    const reply = String(await this.#link.script(BEGIN, PREFIX + id, args));
    if (reply.startsWith('done:')) return { is: 'done', queue: reply.slice('done:'.length) };
    if (!BEGUN.has(reply)) throw new Error(`the script of begin answered ${reply}`);
    return { is: reply as 'new' | 'resend' | 'running' | 'mismatch' };
  }

  async finish({ id, fingerprint, owner }: Attempt, ending: Ending): Promise<void> {
    const queue = ending.is === 'stored' ? ending.queue : '';
    const args = [fingerprint, owner, ending.is, queue, this.#ttlMs];
    await this.#link.script(FINISH, PREFIX + id, args);
  }

  close(): void {
    this.#link.close();
  }
}
