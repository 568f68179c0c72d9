import { expect, it } from 'vitest';
import { MillraceError } from '../../src/errors.ts';
import { SILENT } from '../../src/logger.ts';
import type { JobPayload } from '../../src/protocol/job.ts';
import { type ExhaustEnd, Exhausted, type ExhaustedOptions } from '../../src/worker/exhausted.ts';
import { HeldJob } from '../../src/worker/held-job.ts';
import { leaseOf, nowOnBothClocks } from '../../src/worker/lease.ts';
import type { FailEnd, OnFailEnd } from '../../src/worker/outbox.ts';
import { until } from '../helpers/until.ts';

interface Scene {
  job?: Partial<JobPayload>;
  /** What becomes of its FAIL. */
  fail?: FailEnd;
  /** What its copy meets. */
  error?: unknown;
  isKilled?: boolean;
}

/** What has happened to one job of which Faktory knows three retries. */
async function ended({ job = {}, fail = 'told', error, isKilled = true }: Scene) {
  const now = nowOnBothClocks();
  const payload = { jid: 'abcdefgh', jobtype: 'add', queue: 'q.0', args: [], retry: 3, ...job };
  const held = new HeldJob(payload, leaseOf(60, now.steady, now), now.steady);
  const seen: string[] = [];
  const exhausted = new Exhausted({
    outbox: {
      fail: (each: HeldJob, _failure: unknown, onEnd: OnFailEnd) => {
        seen.push('FAIL');
        each.moveTo('reporting');
        each.moveTo('settled');
        onEnd(fail, now.steady);
      },
    },
    pusher: {
      push: async () => {
        seen.push('copy');
        if (error !== undefined) throw error;
      },
    },
    kills: {
      add: ({ onKilled, onLeft }: { onKilled(): void; onLeft(): void }) => {
        seen.push('kill');
        if (isKilled) onKilled();
        else onLeft();
      },
    },
    logger: SILENT,
    onDead: () => seen.push('dead'),
    onFailEnd: (_job: unknown, _thrown: unknown, _failure: unknown, end: FailEnd) => seen.push(end),
  } as unknown as ExhaustedOptions);
  let end: ExhaustEnd | undefined;
  exhausted.add(held, new Error('no'), (is) => {
    end = is;
  });
  await exhausted.idle();
  await until(() => end);
  return { seen, end, state: held.state };
}

const tracked = { custom: { track: 1 } };
const usedUp = { failure: { failed_at: '', retry_count: 2, remaining: 0 } };

it('goes to Dead as a copy, and is owed an ACK', async () => {
  expect(await ended({})).toEqual({ seen: ['copy', 'dead'], end: 'copied', state: 'ready' });
});

it('comes again where the copy may be stored or not', async () => {
  const error = new MillraceError('DELIVERY_UNKNOWN', 'who knows');
  expect(await ended({ error })).toEqual({ seen: ['copy'], end: 'back', state: 'settled' });
});

it('is FAILed and killed where there can be no copy, and comes again where that is not done', async () => {
  const error = new MillraceError('JOB_REJECTED', 'no');
  expect(await ended({ error })).toMatchObject({ seen: ['copy', 'FAIL', 'kill', 'dead'], end: 'dead' });
  expect(await ended({ job: tracked })).toMatchObject({ seen: ['FAIL', 'kill', 'dead'], end: 'dead' });
  expect(await ended({ job: tracked, isKilled: false })).toMatchObject({
    seen: ['FAIL', 'kill'],
    end: 'back',
  });
});

it('comes again where nobody knows what became of its FAIL', async () => {
  for (const fail of ['late', 'lost', 'unclear'] as const)
    expect(await ended({ job: tracked, fail })).toMatchObject({ seen: ['FAIL', fail], end: 'back' });
});

it('is only FAILed where that is the last FAIL by Faktory’s own count, and comes again where it was late', async () => {
  for (const job of [usedUp, { retry: 0 }, { retry: -1 }])
    expect(await ended({ job })).toMatchObject({ seen: ['FAIL', 'told'], end: 'dead' });
  expect(await ended({ job: usedUp, fail: 'late' })).toMatchObject({ seen: ['FAIL', 'late'], end: 'back' });
});

it('is told of once: the copy that comes is FAILed without a word', async () => {
  const job = { ...usedUp, custom: { millrace: { k: 'a', spent: 2 } } };
  expect(await ended({ job })).toMatchObject({ seen: ['FAIL'], end: 'dead' });
  expect(await ended({ job, fail: 'late' })).toMatchObject({ seen: ['FAIL', 'late'], end: 'back' });
});
