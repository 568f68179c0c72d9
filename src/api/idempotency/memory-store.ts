/** Keeps Idempotency-Keys in this process: for one API process, and until it ends. */
import type { Logger } from '../../logger.ts';
import { type Attempt, type Begun, type Ending, type IdempotencyStore, LEASE_MS } from './store.ts';

/** About 70 MB. */
const MAX_KEYS = 200_000;
const WARN_EVERY_MS = 60_000;

interface Entry {
  readonly fingerprint: string;
  readonly state: State;
  /** By the clock of the store. */
  readonly expiresAt: number;
}

type State =
  | { readonly is: 'running'; readonly owner: string; readonly resent: boolean; readonly until: number }
  | { readonly is: 'done'; readonly queue: string }
  | { readonly is: 'unknown' };

export interface MemoryStoreOptions {
  /** How long a key is kept. */
  ttlMs: number;
  logger: Logger;
  /** How long an attempt may take (default 30 s). */
  leaseMs?: number;
  /** Keys kept at most (default 200,000): beyond, the oldest leave first. */
  maxKeys?: number;
  /** Milliseconds that only rise. */
  now?: () => number;
}

export class MemoryStore implements IdempotencyStore {
  /** Each change puts its key last, so the first ones are the oldest. */
  readonly #entries = new Map<string, Entry>();
  readonly #ttlMs: number;
  readonly #leaseMs: number;
  readonly #maxKeys: number;
  readonly #now: () => number;
  readonly #logger: Logger;
  #warnedAt = Number.NEGATIVE_INFINITY;
  /** Keys that were forgotten before their time. */
  evicted = 0;

  constructor(options: MemoryStoreOptions) {
    this.#ttlMs = options.ttlMs;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#logger = options.logger;
    this.#maxKeys = options.maxKeys ?? MAX_KEYS;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Keys that are kept now, those included whose time is over and that nobody has looked for since. */
  get size(): number {
    return this.#entries.size;
  }

  connect(): void {}

  async begin({ id, fingerprint, owner }: Attempt): Promise<Begun> {
    const now = this.#now();
    const found = this.#find(id, now);
    const isOwn = found?.state.is === 'running' && found.state.owner === owner;
    const entry = isOwn && !found.state.resent ? undefined : found;
    if (entry !== undefined) {
      const { state } = entry;
      if (entry.fingerprint !== fingerprint) return { is: 'mismatch' };
      if (state.is === 'done') return state;
      if (state.is === 'running' && !isOwn && now < state.until) return { is: 'running' };
    }
    const resent = entry !== undefined;
    const state: State = { is: 'running', owner, resent, until: now + this.#leaseMs };
    this.#put(id, { fingerprint, state, expiresAt: now + this.#leaseMs + this.#ttlMs });
    return { is: resent ? 'resend' : 'new' };
  }

  async finish({ id, fingerprint, owner }: Attempt, ending: Ending): Promise<void> {
    const now = this.#now();
    const entry = this.#find(id, now);
    if (entry !== undefined && entry.fingerprint !== fingerprint) return;
    const expiresAt = now + this.#ttlMs;
    if (ending.is === 'stored') {
      this.#put(id, { fingerprint, state: { is: 'done', queue: ending.queue }, expiresAt });
      return;
    }
    if (entry?.state.is !== 'running' || entry.state.owner !== owner) return;
    if (ending.is === 'failed' && !entry.state.resent) this.#entries.delete(id);
    else this.#put(id, { fingerprint, state: { is: 'unknown' }, expiresAt });
  }

  close(): void {
    this.#entries.clear();
  }

  #find(id: string, now: number): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined || now < entry.expiresAt) return entry;
    this.#entries.delete(id);
    return undefined;
  }

  #put(id: string, entry: Entry): void {
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    this.#dropOldest();
  }

  /** Those whose time is over leave without a timer; each put looks at no more of them than it drops. */
  #dropOldest(): void {
    const now = this.#now();
    for (const [id, { expiresAt }] of this.#entries) {
      const isOver = now >= expiresAt;
      if (!isOver && this.#entries.size <= this.#maxKeys) return;
      this.#entries.delete(id);
      if (!isOver) this.#countEvicted(now);
    }
  }

  #countEvicted(now: number): void {
    this.evicted += 1;
    if (now - this.#warnedAt < WARN_EVERY_MS) return;
    this.#warnedAt = now;
    this.#logger.warn(
      { maxKeys: this.#maxKeys, evicted: this.evicted },
      'more Idempotency-Keys than memory holds: the oldest are forgotten before IDEMPOTENCY_TTL_S; set REDIS_URL, or a shorter time',
    );
  }
}
