/** How long the end of a worker waits for what; the worker itself is only what it calls, time is vitest's. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Engine } from '../../src/worker/engine.ts';
import { shutDown } from '../../src/worker/shutdown.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

const never = (): Promise<void> => new Promise(() => {});
const atOnce = async (): Promise<void> => {};
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Steps {
  stopFetching?: () => Promise<void>;
  drained?: (withinMs: number) => Promise<void>;
  reported?: () => Promise<void>;
  close?: () => Promise<void>;
  running?: number;
}

/** Ends a worker of which each step takes as long as is said, and tells when what happened, in ms. */
async function ended(shutdownTimeoutMs: number, steps: Steps): Promise<Record<string, number>> {
  const start = performance.now();
  const times: Record<string, number> = {};
  const note = (name: string): void => {
    times[name] ??= performance.now() - start;
  };
  const nothing = (): void => {};
  const { stopFetching = atOnce, drained = atOnce, reported = atOnce, close = atOnce, running = 0 } = steps;
  const lane = { close, destroy: nothing };
  const flow = {
    batches: { close: nothing },
    giveBackLimited: nothing,
    drained,
    running,
    ready: 0,
    abort: nothing,
    handBackAll: atOnce,
    reported: async () => {
      note('reporting');
      await reported();
      note('reported');
    },
    unreported: 0,
    unmended: 0,
    givingBack: { unreturned: 0, doubtful: 0 },
    results: { waiting: 0, travelling: 0 },
  };
  const engine = {
    flow,
    fetcher: lane,
    ackLanes: lane,
    control: lane,
    plan: { roundTripMs: 10 },
    options: { shutdownTimeoutMs, wid: 'w', link: { logger: { warn: nothing, error: nothing } } },
    partitions: undefined,
    reducerTimers: { finish: atOnce, end: nothing },
    pusher: { abandon: nothing },
    beginStop: nothing,
    stopFetching,
    stopTicking: () => note('closing'),
  };
  const ending = shutDown(engine as unknown as Engine, nothing).then(() => note('ended'));
  await vi.advanceTimersByTimeAsync(60_000);
  await ending;
  return times;
}

describe('the end of a worker', () => {
  it('waits for results and reports for as long as it may take anyway', async () => {
    const times = await ended(15_000, { reported: () => later(9_000) });
    expect(times).toMatchObject({ reported: 9_000, closing: 9_000 });
  });

  it('takes no longer than they do', async () => {
    expect(await ended(15_000, {})).toMatchObject({ ended: 0 });
  });

  it('gives them their time even where handlers have used all of it', async () => {
    const drained = (ms: number): Promise<void> => later(ms);
    const times = await ended(1_000, { drained, running: 1, reported: () => later(700) });
    expect(times.closing! - times.reporting!).toBe(700);
    expect(times.reporting).toBeGreaterThan(1_000);
  });

  it.each([0, 500, 8_000])(
    'is over within shutdownTimeoutMs and 4 s where nothing ends: %i ms',
    async (ms) => {
      const times = await ended(ms, {
        stopFetching: never,
        drained: (withinMs) => later(withinMs),
        reported: never,
        close: never,
        running: 1,
      });
      expect(times.ended).toBeLessThanOrEqual(Math.max(ms, 500) + 4_000);
      expect(times.reporting).toBeDefined();
    },
  );
});
