/** What a worker tells of itself, read from its parts. */
import type { Engine } from './engine.ts';
import type { WorkerSnapshot, WorkerState, WorkerStats } from './life.ts';

const MOST_SHOWN = 20;

export function statsOf(engine: Engine, state: WorkerState): WorkerStats {
  const { flow, fetcher, ackLanes, control, plan, tallies, slow, options, breakers } = engine;
  const { budget } = options.link;
  return {
    state,
    concurrency: options.concurrency,
    running: flow.running,
    free: Math.max(0, options.concurrency - flow.running),
    ready: flow.ready,
    gathered: flow.batches.gathered,
    zombies: flow.zombies,
    outstanding: engine.outstanding,
    unreported: flow.unreported,
    oldestReportMs: flow.oldestReportMs,
    fetchLanes: fetcher.laneCount + (engine.partitions?.lanes.laneCount ?? 0),
    ackLanes: ackLanes.ready.length,
    lanes: { control: control.counts, fetch: fetcher.laneCounts, ack: ackLanes.counts },
    connections: budget.used,
    maxConnections: budget.limit,
    roundTripMs: plan.roundTripMs,
    done: tallies.sum('done'),
    failed: tallies.sum('failed'),
    delayed: tallies.sum('delayed'),
    dead: tallies.sum('dead'),
    discarded: tallies.sum('discarded'),
    handedBack: tallies.sum('handed_back'),
    late: tallies.sum('late'),
    tokens: flow.tokens,
    stranded: engine.stranded,
    resent: flow.resent,
    mended: flow.mended,
    unmended: flow.unmended,
    slowHandlers: slow.counts.handlers,
    slowCommands: slow.counts.commands,
    eventLoopBlocks: slow.counts.blocks,
    breakers: breakers.states,
    limits: engine.limits.reports,
    partitions: engine.partitions?.stats,
    resultsWaiting: flow.results.waiting + flow.results.travelling,
    resultsSent: flow.results.stored,
    reducerJobs: flow.results.jobs,
  };
}

export function snapshotOf(engine: Engine, state: WorkerState): WorkerSnapshot {
  const jobs: WorkerSnapshot['jobs'] = {};
  for (const [jobtype, { outcomes }] of engine.tallies) jobs[jobtype] = { ...outcomes };
  const longestRunning: WorkerSnapshot['longestRunning'] = [];
  const now = performance.now();
  for (const { job, startedAt } of engine.flow.held) {
    if (longestRunning.length === MOST_SHOWN) break;
    const { jid, jobtype, queue } = job;
    longestRunning.push({ jid, jobtype, queue, runningMs: Math.round(now - startedAt) });
  }
  return { wid: engine.options.wid, pid: process.pid, ...statsOf(engine, state), jobs, longestRunning };
}
