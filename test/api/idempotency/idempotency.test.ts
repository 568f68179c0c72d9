import { describe, expect, it } from 'vitest';
import { Idempotency, isCertain } from '../../../src/api/idempotency/idempotency.ts';
import { MemoryStore } from '../../../src/api/idempotency/memory-store.ts';
import type { Attempt, Begun, Ending, IdempotencyStore } from '../../../src/api/idempotency/store.ts';
import { Problem } from '../../../src/api/problem.ts';
import { MillraceError } from '../../../src/errors.ts';
import { SILENT } from '../../../src/logger.ts';

const REQUEST = { id: 'id', fingerprint: 'f', jid: 'jid-of-it' };
const ACCEPTED = { jid: 'jid-of-it', queue: 'default' };

/** A push that ends when the test says so. */
function hold() {
  let resolve!: (accepted: typeof ACCEPTED) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<typeof ACCEPTED>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}

/** A store that does what it is told, and remembers what it was asked. */
class ScriptedStore implements IdempotencyStore {
  readonly asked: string[] = [];
  begun: Begun | Error = { is: 'new' };
  finished: undefined | Error;

  connect(): void {}
  close(): void {}

  async begin(_attempt: Attempt): Promise<Begun> {
    this.asked.push('begin');
    if (this.begun instanceof Error) throw this.begun;
    return this.begun;
  }

  async finish(_attempt: Attempt, ending: Ending): Promise<void> {
    this.asked.push(ending.is);
    if (this.finished !== undefined) throw this.finished;
  }
}

function scripted(logged: string[] = []) {
  const store = new ScriptedStore();
  const logger = {
    ...SILENT,
    warn: (fields: object, text: string) => void logged.push(JSON.stringify(fields) + text),
  };
  return { store, idempotency: new Idempotency(store, logger) };
}

describe('Idempotency', () => {
  it('pushes once for requests that come while the first is on its way, and tells them all', async () => {
    const idempotency = new Idempotency(new MemoryStore({ ttlMs: 60_000, logger: SILENT }), SILENT);
    const held = hold();
    let pushes = 0;
    const push = () => {
      pushes += 1;
      return held.promise;
    };
    const answers = Promise.all(Array.from({ length: 20 }, () => idempotency.run(REQUEST, push)));
    held.resolve(ACCEPTED);
    const replayed = (await answers).map(({ accepted, isReplayed }) => {
      expect(accepted).toEqual(ACCEPTED);
      return isReplayed;
    });
    expect(replayed.filter((each) => !each)).toHaveLength(1);
    expect(pushes).toBe(1);
    expect(idempotency.counts).toMatchObject({ new: 1, replayed: 19 });
  });

  it('tells those who wait of a failure, too, after which the key is free', async () => {
    const idempotency = new Idempotency(new MemoryStore({ ttlMs: 60_000, logger: SILENT }), SILENT);
    const held = hold();
    const answers = [1, 2].map(() => idempotency.run(REQUEST, () => held.promise));
    held.reject(new MillraceError('PRESSURE'));
    for (const answer of answers) await expect(answer).rejects.toMatchObject({ code: 'PRESSURE' });
    const again = await idempotency.run(REQUEST, async () => ACCEPTED);
    expect(again).toEqual({ accepted: ACCEPTED, isReplayed: false });
  });

  it('does not take another request under the same key for a repeat', async () => {
    const idempotency = new Idempotency(new MemoryStore({ ttlMs: 60_000, logger: SILENT }), SILENT);
    const held = hold();
    const first = idempotency.run(REQUEST, () => held.promise);
    const other = idempotency.run({ ...REQUEST, fingerprint: 'g' }, async () => ACCEPTED);
    await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH', status: 422 });
    held.resolve(ACCEPTED);
    await first;
  });

  it.each([
    ['DELIVERY_UNKNOWN', 'unknown'],
    ['INTERNAL', 'unknown'],
    ['FAKTORY_UNREACHABLE', 'failed'],
    ['JOB_REJECTED', 'failed'],
    ['PAYLOAD_INVALID', 'failed'],
    ['CLOSED', 'failed'],
  ] as const)('says after %s that the push is %s', async (code, ending) => {
    const { store, idempotency } = scripted();
    const thrown = new MillraceError(code);
    await expect(idempotency.run(REQUEST, () => Promise.reject(thrown))).rejects.toBe(thrown);
    expect(store.asked).toEqual(['begin', ending]);
  });

  it('answers 503 when the store cannot be asked, pushes nothing, and takes back what it may have heard', async () => {
    const { store, idempotency } = scripted();
    store.begun = new MillraceError('REDIS_UNAVAILABLE');
    const push = () => Promise.reject(new Error('this must not be called'));
    await expect(idempotency.run(REQUEST, push)).rejects.toMatchObject({
      code: 'IDEMPOTENCY_UNAVAILABLE',
      status: 503,
      retryAfter: 1,
    });
    expect(store.asked).toEqual(['begin', 'failed']);
    expect(idempotency.counts.unavailable).toBe(1);
  });

  it('has the key itself at the next try when the store took an attempt and was not heard of again', async () => {
    const store = new MemoryStore({ ttlMs: 60_000, logger: SILENT });
    const gone = new MillraceError('REDIS_UNAVAILABLE');
    let isCut = true;
    const idempotency = new Idempotency(
      {
        connect: () => {},
        close: () => {},
        begin: async (attempt) => {
          const begun = await store.begin(attempt);
          if (isCut) throw gone;
          return begun;
        },
        finish: async (attempt, ending) => {
          if (isCut) throw gone;
          await store.finish(attempt, ending);
        },
      },
      SILENT,
    );
    const push = async () => ACCEPTED;
    for (let i = 0; i < 2; i += 1)
      await expect(idempotency.run(REQUEST, push)).rejects.toMatchObject({ code: 'IDEMPOTENCY_UNAVAILABLE' });
    isCut = false;
    const other = { ...REQUEST, fingerprint: 'g' };
    expect(await idempotency.run(other, push)).toEqual({ accepted: ACCEPTED, isReplayed: false });
    expect(await idempotency.run(other, push)).toEqual({ accepted: ACCEPTED, isReplayed: true });
  });

  it('answers that a job is stored although that could not be kept, and tells so once', async () => {
    const logged: string[] = [];
    const { store, idempotency } = scripted(logged);
    store.finished = new MillraceError('REDIS_UNAVAILABLE');
    for (let i = 0; i < 3; i += 1)
      expect(await idempotency.run(REQUEST, async () => ACCEPTED)).toEqual({
        accepted: ACCEPTED,
        isReplayed: false,
      });
    expect(logged).toEqual([expect.stringContaining('could not be kept')]);
  });

  it('asks the store twice for a push: before and after', async () => {
    const { store, idempotency } = scripted();
    await idempotency.run(REQUEST, async () => ACCEPTED);
    expect(store.asked).toEqual(['begin', 'stored']);
  });

  it('pushes again under the same jid when nobody knows of the first', async () => {
    const { store, idempotency } = scripted();
    store.begun = { is: 'resend' };
    expect(await idempotency.run(REQUEST, async () => ACCEPTED)).toMatchObject({ isReplayed: false });
    expect(idempotency.counts.resent).toBe(1);
  });

  it('answers 409 while another process is at it', async () => {
    const { store, idempotency } = scripted();
    store.begun = { is: 'running' };
    const answer = idempotency.run(REQUEST, async () => ACCEPTED);
    await expect(answer).rejects.toMatchObject({ code: 'IDEMPOTENCY_RUNNING', status: 409, retryAfter: 1 });
    expect(store.asked).toEqual(['begin']);
  });
});

describe('isCertain', () => {
  it.each([
    [new Problem('JOB_FORBIDDEN'), true],
    [new MillraceError('PRESSURE'), true],
    [new MillraceError('DELIVERY_UNKNOWN'), false],
    [new TypeError('a fault of ours'), false],
  ])('%s: %s', (thrown, certain) => {
    expect(isCertain(thrown)).toBe(certain);
  });
});
