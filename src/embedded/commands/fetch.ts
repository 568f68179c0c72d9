/** FETCH: a job goes out, or its caller waits for one. */
import { bulkReply, errorReply, NULL_REPLY } from '../../protocol/replies.ts';
import type { Command } from './command.ts';

/**
 * A worker told to be quiet gets no more jobs. Its FETCHes wait in vain, as with Faktory; but those that were on their
 * way when it was told are answered at once, or a pipeline of n would keep it from stopping for 2n seconds.
 */
const QUIET_GRACE_MS = 2000;

/** Workers send the same FETCH again and again: what its queues are was found out the last time. */
let lastPayload = '';
let lastQueues: readonly string[] = [''];

export const fetch: Command = ({ store, clock, faults }, payload, caller) => {
  if (payload === undefined) return errorReply('must call fetch with at least one queue');
  const { worker } = caller;
  const { strandsClosed, quietFirstConnectionOnly } = faults.quirks;
  if (!caller.listening && strandsClosed !== true) return NULL_REPLY;
  const reached = quietFirstConnectionOnly !== true || worker?.first === caller;
  if (worker !== undefined && worker.state !== 'running' && reached) {
    if (clock.now() < worker.since + QUIET_GRACE_MS) return NULL_REPLY;
    store.wait(caller, []);
    return undefined;
  }
  const queues = queuesOf(payload);
  const job = store.fetch(queues);
  if (job !== undefined) return bulkReply(job.text, job.bytes);
  store.wait(caller, queues);
  return undefined;
};

function queuesOf(payload: string): readonly string[] {
  if (payload !== lastPayload) {
    lastPayload = payload;
    lastQueues = payload.split(' ');
  }
  return lastQueues;
}
