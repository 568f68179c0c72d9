/** What is kept of an Idempotency-Key, wherever it is kept: the same cases are run against each store. */

/** One request with a key. */
export interface Attempt {
  /** Of the key and of who brought it: `KeyedRequest.id`. */
  readonly id: string;
  /** Of what it asks for. Of the same length for all, as is `owner`. */
  readonly fingerprint: string;
  /** This attempt, or an earlier one of the same process that pushed nothing since the store did not answer it. */
  readonly owner: string;
}

/**
 * What the store says of an attempt: the key is free, and now this attempt's (new); it was left without a certain end,
 * and is now this attempt's (resend); another attempt has it (running); it stands for another request (mismatch); its
 * job is stored (done).
 */
export type Begun =
  | { readonly is: 'new' | 'resend' | 'running' | 'mismatch' }
  | { readonly is: 'done'; readonly queue: string };

/** How an attempt ended: the job is stored, it certainly is not, or nobody knows. */
export type Ending =
  | { readonly is: 'stored'; readonly queue: string }
  | { readonly is: 'failed' }
  | { readonly is: 'unknown' };

/**
 * Keeps keys. A key's life: free → running → done or unknown, or free again; unknown → running again, which ends in
 * done or unknown and never in free, since the first attempt's job may be stored. Whoever does not end within
 * `LEASE_MS` counts as unknown.
 */
export interface IdempotencyStore {
  /** Opens what it needs now rather than at the first key. */
  connect(): void;
  /**
   * Atomic: of two attempts at the same time one gets the key. Who has it already gets it again: it was not heard of the
   * first time. Rejects with REDIS_UNAVAILABLE.
   */
  begin(attempt: Attempt): Promise<Begun>;
  /** Only the attempt that has the key may free it; that the job is stored, any may say. Rejects with REDIS_UNAVAILABLE. */
  finish(attempt: Attempt, ending: Ending): Promise<void>;
  close(): void;
}

/** Longer than any push takes: 30 s (the contract's check, then Faktory), and a store that is slow at both ends. */
export const LEASE_MS = 40_000;
