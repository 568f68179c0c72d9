import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../src/api/idempotency/memory-store.ts';
import type { Attempt } from '../../../src/api/idempotency/store.ts';
import { SILENT } from '../../../src/logger.ts';
import { storeCases } from './store-cases.ts';

const attempt = (id: string): Attempt => ({ id, fingerprint: 'f', owner: 'o' });

/** A store of a thousand seconds, with a clock that a test sets, and what it logged. */
function clocked(maxKeys?: number) {
  const clock = { now: 0 };
  const warnings: string[] = [];
  const logger = { ...SILENT, warn: (_: object, text: string) => void warnings.push(text) };
  const size = maxKeys === undefined ? {} : { maxKeys };
  const store = new MemoryStore({ ttlMs: 1_000_000, logger, now: () => clock.now, ...size });
  return { store, clock, warnings };
}

async function keep(to: MemoryStore, id: string): Promise<void> {
  await to.begin(attempt(id));
  await to.finish(attempt(id), { is: 'stored', queue: 'default' });
}

describe('MemoryStore', () => {
  storeCases((times) => new MemoryStore({ ...times, logger: SILENT }));

  it('keeps a key for its time, counted from when its job was stored', async () => {
    const { store, clock } = clocked();
    await store.begin(attempt('a'));
    clock.now = 20_000;
    await store.finish(attempt('a'), { is: 'stored', queue: 'default' });
    clock.now += 999_999;
    expect(await store.begin(attempt('a'))).toMatchObject({ is: 'done' });
    clock.now += 1;
    expect(await store.begin(attempt('a'))).toEqual({ is: 'new' });
  });

  it('takes an attempt for unknown after forty seconds', async () => {
    const { store, clock } = clocked();
    await store.begin(attempt('a'));
    const another = { ...attempt('a'), owner: 'p' };
    clock.now = 39_999;
    expect(await store.begin(another)).toEqual({ is: 'running' });
    clock.now = 40_000;
    expect(await store.begin(another)).toEqual({ is: 'resend' });
  });

  it('holds no more keys than it may: the oldest leave first, which is told once a minute', async () => {
    const { store, clock, warnings } = clocked(3);
    for (const id of ['a', 'b', 'c', 'd', 'e']) await keep(store, id);
    expect(store.size).toBe(3);
    expect(store.evicted).toBe(2);
    expect(await store.begin(attempt('c'))).toMatchObject({ is: 'done' });
    expect(await store.begin(attempt('a'))).toEqual({ is: 'new' });
    expect(warnings).toEqual([expect.stringContaining('set REDIS_URL')]);
    clock.now = 60_000;
    await keep(store, 'f');
    expect(warnings).toHaveLength(2);
  });

  it('lets go of keys whose time is over, without a timer and without telling', async () => {
    const { store, clock, warnings } = clocked(3);
    for (const id of ['a', 'b', 'c']) await keep(store, id);
    clock.now = 1_000_000;
    await keep(store, 'd');
    expect(store.size).toBe(1);
    expect(store.evicted).toBe(0);
    expect(warnings).toEqual([]);
  });
});
