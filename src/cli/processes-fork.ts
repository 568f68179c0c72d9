/** How one more process of this very command line is started. */
import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import cluster from 'node:cluster';
import { forkedEnvironment } from '../config.ts';

/** What runs in several processes; told in messages as it stands here. */
export type Kind = 'worker' | 'api';

// As JSON, values that are not numbers would become null.
const OPTIONS = { serialization: 'advanced' } as const satisfies ForkOptions;

export const FORK_BY_KIND: Readonly<Record<Kind, () => ChildProcess>> = {
  worker: () => fork(process.argv[1]!, process.argv.slice(2), { ...OPTIONS, env: forkedEnvironment() }),
  // Processes of a cluster share a port, and each accepts by itself: a connection that the parent had given to one that
  // dies before it has taken it would be nobody's, and its client would wait for ever.
  api: () => {
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ ...OPTIONS, exec: process.argv[1]!, args: process.argv.slice(2) });
    return cluster.fork(forkedEnvironment()).process;
  },
};
