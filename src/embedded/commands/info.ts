/** INFO: sizes, totals and counters, in Faktory's shape. */
import { bulkReply } from '../../protocol/replies.ts';
import { formatTime } from '../job/times.ts';
import type { TimedSet } from '../store/timed-set.ts';
import type { Command, Faktory } from './command.ts';

/** The version whose behaviour is the embedded Faktory's. */
const FAKTORY_VERSION = '1.10.0';

export const info: Command = (faktory) => bulkReply(JSON.stringify(describe(faktory)));

function describe({ store, workers, clock, counters }: Faktory): object {
  const now = clock.now();
  const queues = store.queues.sizes();
  return {
    now: formatTime(now),
    server_utc_time: `${formatTime(now).slice(11, 19)} UTC`,
    faktory: {
      queues,
      sets: {
        dead: store.dead.size,
        retries: store.retries.size,
        scheduled: store.scheduled.size,
        working: store.working.size,
      },
      tasks: {
        Busy: { reaped: store.working.reaped, size: store.working.busy },
        Dead: cycles(store.dead),
        Retries: cycles(store.retries),
        Scheduled: cycles(store.scheduled),
        Workers: { reaped: workers.reaped, size: workers.size },
      },
      total_failures: store.failures,
      total_processed: store.processed,
      total_enqueued: Object.values(queues).reduce((sum, size) => sum + size, 0),
      total_queues: Object.keys(queues).length,
    },
    server: {
      description: 'Faktory',
      faktory_version: FAKTORY_VERSION,
      uptime: Math.floor((now - counters.startedAt) / 1000),
      connections: counters.connections,
      command_count: counters.commands,
      used_memory_mb: Math.round(process.memoryUsage.rss() / 2 ** 20),
    },
  };
}

function cycles(set: TimedSet): object {
  return { cycles: set.cycles, enqueued: set.moved, size: set.size, wall_time_sec: 0 };
}
