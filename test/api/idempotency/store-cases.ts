/** What every store of Idempotency-Keys must do. Run against each: memory-store.test.ts, test/system/idempotency.test.ts. */
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Attempt, IdempotencyStore } from '../../../src/api/idempotency/store.ts';
import { until } from '../../helpers/until.ts';

export interface StoreTimes {
  ttlMs: number;
  leaseMs: number;
}

const USUAL: StoreTimes = { ttlMs: 60_000, leaseMs: 30_000 };
const FINGERPRINT = 'f'.repeat(24);
const OTHER_FINGERPRINT = 'g'.repeat(24);

/** Attempts at a key that no other test has. */
export function newKey(): (owner: string, fingerprint?: string) => Attempt {
  const id = randomUUID();
  return (owner, fingerprint = FINGERPRINT) => ({ id, fingerprint, owner: owner.padEnd(16, '.') });
}

export function storeCases(open: (times: StoreTimes) => IdempotencyStore): void {
  it('gives a free key to the first, and to no other while that is on its way', async () => {
    const store = open(USUAL);
    const by = newKey();
    expect(await store.begin(by('a'))).toEqual({ is: 'new' });
    expect(await store.begin(by('b'))).toEqual({ is: 'running' });
  });

  it('gives a key to one of a hundred who ask at the same time', async () => {
    const store = open(USUAL);
    const by = newKey();
    const begun = await Promise.all(Array.from({ length: 100 }, (_, i) => store.begin(by(`owner${i}`))));
    expect(begun.filter(({ is }) => is === 'new')).toHaveLength(1);
    expect(begun.filter(({ is }) => is === 'running')).toHaveLength(99);
  });

  it('keeps keys apart', async () => {
    const store = open(USUAL);
    await store.begin(newKey()('a'));
    expect(await store.begin(newKey()('a'))).toEqual({ is: 'new' });
  });

  it('tells the queue of a job that is stored', async () => {
    const store = open(USUAL);
    const by = newKey();
    await store.begin(by('a'));
    await store.finish(by('a'), { is: 'stored', queue: 'mail.1_2-3' });
    expect(await store.begin(by('b'))).toEqual({ is: 'done', queue: 'mail.1_2-3' });
    expect(await store.begin(by('c'))).toEqual({ is: 'done', queue: 'mail.1_2-3' });
  });

  it.each(['running', 'done', 'unknown'])(
    'tells of another request under a key that is %s',
    async (state) => {
      const store = open(USUAL);
      const by = newKey();
      await store.begin(by('a'));
      if (state === 'done') await store.finish(by('a'), { is: 'stored', queue: 'default' });
      if (state === 'unknown') await store.finish(by('a'), { is: 'unknown' });
      expect(await store.begin(by('b', OTHER_FINGERPRINT))).toEqual({ is: 'mismatch' });
    },
  );

  it('frees a key after a certain failure, for any request', async () => {
    const store = open(USUAL);
    const by = newKey();
    await store.begin(by('a'));
    await store.finish(by('a'), { is: 'failed' });
    expect(await store.begin(by('b', OTHER_FINGERPRINT))).toEqual({ is: 'new' });
  });

  it('has the repeat of an unknown outcome sent again, and never frees that key', async () => {
    const store = open(USUAL);
    const by = newKey();
    await store.begin(by('a'));
    await store.finish(by('a'), { is: 'unknown' });
    expect(await store.begin(by('b'))).toEqual({ is: 'resend' });
    expect(await store.begin(by('c'))).toEqual({ is: 'running' });
    // This one failed for certain; the first one's job may be stored all the same.
    await store.finish(by('b'), { is: 'failed' });
    expect(await store.begin(by('d', OTHER_FINGERPRINT))).toEqual({ is: 'mismatch' });
    expect(await store.begin(by('d'))).toEqual({ is: 'resend' });
  });

  it('takes an attempt that has not ended in time for unknown', async () => {
    const store = open({ ...USUAL, leaseMs: 0 });
    const by = newKey();
    expect(await store.begin(by('a'))).toEqual({ is: 'new' });
    expect(await store.begin(by('b', OTHER_FINGERPRINT))).toEqual({ is: 'mismatch' });
    expect(await store.begin(by('b'))).toEqual({ is: 'resend' });
  });

  it('lets only its owner free a key, and anyone say that the job is stored', async () => {
    const store = open(USUAL);
    const by = newKey();
    await store.begin(by('owner'));
    // One that was taken for dead, and comes back.
    await store.finish(by('late'), { is: 'failed' });
    await store.finish(by('late'), { is: 'unknown' });
    expect(await store.begin(by('b'))).toEqual({ is: 'running' });
    await store.finish(by('late'), { is: 'stored', queue: 'default' });
    expect(await store.begin(by('b'))).toEqual({ is: 'done', queue: 'default' });
    // What is stored stays so.
    await store.finish(by('owner'), { is: 'failed' });
    expect(await store.begin(by('b'))).toEqual({ is: 'done', queue: 'default' });
  });

  it('keeps what is stored although nothing was known of the key any more', async () => {
    const store = open(USUAL);
    const by = newKey();
    await store.finish(by('a'), { is: 'stored', queue: 'default' });
    expect(await store.begin(by('b'))).toEqual({ is: 'done', queue: 'default' });
  });

  it('leaves the key alone that another request has meanwhile', async () => {
    const store = open(USUAL);
    const by = newKey();
    await store.begin(by('a', OTHER_FINGERPRINT));
    await store.finish(by('b'), { is: 'stored', queue: 'default' });
    expect(await store.begin(by('c', OTHER_FINGERPRINT))).toEqual({ is: 'running' });
  });

  it('gives a key again to the attempt that has it and was not heard of, whatever it asks for now', async () => {
    const store = open(USUAL);
    const by = newKey();
    expect(await store.begin(by('a'))).toEqual({ is: 'new' });
    expect(await store.begin(by('a'))).toEqual({ is: 'new' });
    expect(await store.begin(by('a', OTHER_FINGERPRINT))).toEqual({ is: 'new' });
    expect(await store.begin(by('b', OTHER_FINGERPRINT))).toEqual({ is: 'running' });
    await store.finish(by('a', OTHER_FINGERPRINT), { is: 'failed' });
    expect(await store.begin(by('b'))).toEqual({ is: 'new' });
  });

  it('does not free a key for it that may have a job already', async () => {
    const store = open(USUAL);
    const by = newKey();
    await store.begin(by('first'));
    await store.finish(by('first'), { is: 'unknown' });
    expect(await store.begin(by('a'))).toEqual({ is: 'resend' });
    expect(await store.begin(by('a', OTHER_FINGERPRINT))).toEqual({ is: 'mismatch' });
    expect(await store.begin(by('a'))).toEqual({ is: 'resend' });
  });

  it('forgets a key when its time is over, and not while its attempt is on its way', async () => {
    const store = open({ ttlMs: 1, leaseMs: 30_000 });
    const by = newKey();
    await store.begin(by('a'));
    const done = newKey();
    await store.begin(done('a'));
    await store.finish(done('a'), { is: 'stored', queue: 'default' });
    await until(async () => (await store.begin(done('b'))).is === 'new', {
      what: 'a key that is free again',
    });
    expect(await store.begin(by('b'))).toEqual({ is: 'running' });
  });
}
