import { expect, it, vi } from 'vitest';
import type { Connection } from '../../src/connection/connection.ts';
import type { Lanes } from '../../src/connection/lanes.ts';
import { Outbox } from '../../src/worker/outbox.ts';

const IDLE_SECONDS = 12;

/** Lanes of which so many are up, without sockets. */
function lanesOf(up: number, wanted: number) {
  const ready = Array.from({ length: up }, () => ({ unanswered: 0 }) as Connection);
  const lanes = {
    ready,
    wanted,
    want: vi.fn((count: number) => {
      lanes.wanted = count;
    }),
    release: vi.fn((lane: Connection) => {
      ready.splice(ready.indexOf(lane), 1);
    }),
  };
  return lanes;
}

function sweptFor(seconds: number, lanes: ReturnType<typeof lanesOf>): void {
  const events = { onReported: () => {}, onLate: () => {}, onRefused: () => {}, onAnswered: () => {} };
  const outbox = new Outbox(lanes as unknown as Lanes, 16, events);
  for (let second = 0; second < seconds; second += 1) outbox.sweep(second * 1_000);
}

it('gives up lanes that ten seconds have not needed, but one', () => {
  const lanes = lanesOf(9, 9);
  sweptFor(IDLE_SECONDS, lanes);
  expect(lanes.ready).toHaveLength(1);
  expect(lanes.wanted).toBe(1);
});

it('gives up none before', () => {
  const lanes = lanesOf(9, 9);
  sweptFor(8, lanes);
  expect(lanes.release).not.toHaveBeenCalled();
});

it('keeps the last where a connection limit lets fewer come up than are wanted', () => {
  const lanes = lanesOf(1, 9);
  sweptFor(IDLE_SECONDS, lanes);
  expect(lanes.ready).toHaveLength(1);
  expect(lanes.wanted).toBe(1);
});
