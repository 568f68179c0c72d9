import { expect, it } from 'vitest';
import { MillraceError } from '../../src/errors.ts';
import { SILENT } from '../../src/logger.ts';
import type { JobPayload } from '../../src/protocol/job.ts';
import { FailedJobs, type FailedJobsOptions } from '../../src/worker/failed-jobs.ts';
import { HeldJob } from '../../src/worker/held-job.ts';
import { JobTallies } from '../../src/worker/job-tally.ts';
import { leaseOf, nowOnBothClocks } from '../../src/worker/lease.ts';
import type { FailEnd, OnFailEnd } from '../../src/worker/outbox.ts';
import { until } from '../helpers/until.ts';

const JOB: JobPayload = { jid: 'abcdefgh', jobtype: 'add', queue: 'default', args: [], retry: 3 };

/** An outbox whose FAILs end as told, and a pusher that stores after so many tries. */
function stage(end: FailEnd, triesToStore: number, stopping = new AbortController().signal) {
  const pushed: string[] = [];
  const outbox = {
    fail: (_held: HeldJob, _failure: unknown, onEnd: OnFailEnd) => onEnd(end, performance.now()),
  };
  const pusher = {
    push: async ({ jid }: { jid: string }) => {
      pushed.push(jid);
      if (pushed.length < triesToStore) throw new MillraceError('FAKTORY_UNREACHABLE', 'MISCONF');
      return jid;
    },
  };
  const failedJobs = new FailedJobs({
    outbox,
    pusher,
    returner: {},
    kills: { idle: async () => {} },
    tallies: new JobTallies(),
    logger: SILENT,
    policyOf: () => undefined,
    restartedSince: async () => false,
    stopping,
    onFail: () => {},
    onDead: () => {},
  } as unknown as FailedJobsOptions);
  const now = nowOnBothClocks();
  const held = new HeldJob(JOB, leaseOf(60, now.steady, now), now.steady);
  return { failedJobs, held, pushed };
}

it('pushes the copy for a lost FAIL until it is stored, under one jid', async () => {
  const { failedJobs, held, pushed } = stage('lost', 3);
  failedJobs.add(held, new Error('no'));
  expect(failedJobs.unmended).toBe(1);
  await until(() => failedJobs.mended === 1);
  expect(pushed).toHaveLength(3);
  expect(new Set(pushed).size).toBe(1);
  expect(failedJobs.unmended).toBe(0);
});

it('tries no longer than the worker lives', async () => {
  const stopping = new AbortController();
  const { failedJobs, held, pushed } = stage('lost', Number.POSITIVE_INFINITY, stopping.signal);
  failedJobs.add(held, new Error('no'));
  await until(() => pushed.length === 1);
  stopping.abort();
  await failedJobs.idle();
  expect(failedJobs).toMatchObject({ mended: 0, unmended: 0 });
});
