import { describe, expect, it } from 'vitest';
import type { FetchLane } from '../../../src/worker/fetch-lane.ts';
import { type Bound, LaneRow, type Sent } from '../../../src/worker/partitions/lane-row.ts';
import type { ReplyClass } from '../../../src/worker/plan.ts';

const LANE = {} as FetchLane;
const boundOf = (name: string): Bound => ({
  partition: { name } as Bound['partition'],
  lane: LANE,
  outOn: undefined,
  out: 0,
  partial: 0,
  streak: 0,
  isLeft: false,
});

function setUp() {
  const row = new LaneRow(() => LANE);
  const [a, b] = [boundOf('a'), boundOf('b')];
  const send = (named: readonly Bound[], isPartial = false): Sent => {
    const sent = { named, isPartial };
    row.onSent(sent);
    return sent;
  };
  /** The oldest FETCH is answered. */
  const answer = (reply: ReplyClass, queue?: string): void => {
    row.onReply(reply);
    row.onBack();
    if (queue !== undefined) row.onJob(queue);
    row.learn();
  };
  return { row, a, b, send, answer };
}

const without = (...named: Bound[]): Sent => ({ named, isPartial: true });

describe('a FETCH that leaves out a partition which has enough', () => {
  it('goes where jobs lie, by as many as came at once before', () => {
    const { row, b, send, answer } = setUp();
    const may: boolean[] = [];
    for (let i = 0; i < 3; i += 1) {
      send([b]);
      answer('backlog', 'b');
      send([b]);
      may.push(row.leavesOutIn(without(b), 0) === 0);
      answer('backlog', 'b');
    }
    expect(may).toEqual([false, true, true]);
    const out: Sent[] = [];
    while (row.leavesOutIn(without(b), 0) === 0) out.push(send([b], true));
    expect(out).toHaveLength(16);
  });

  it('does not go any more once a FETCH of it had to wait, or came back with nothing', () => {
    for (const reply of ['waited', 'empty'] as const) {
      const { row, a, b, send, answer } = setUp();
      for (let i = 0; i < 4; i += 1) {
        send([b]);
        answer('backlog', 'b');
      }
      expect(row.leavesOutIn(without(b), 0)).toBe(0);
      send([b, a]);
      answer(reply, reply === 'waited' ? 'b' : undefined);
      send([a]);
      expect(row.leavesOutIn(without(b), 0)).toBeUndefined();
    }
  });

  it('nor once a job of one that was named after it came: none of its own lay there', () => {
    const { row, a, b, send, answer } = setUp();
    for (let i = 0; i < 4; i += 1) {
      send([b, a]);
      answer('backlog', 'b');
    }
    send([a, b]);
    answer('backlog', 'a');
    expect([a.streak, b.streak]).toEqual([1, 4]);
    send([b, a]);
    answer('backlog', 'a');
    expect([a.streak, b.streak]).toEqual([2, 0]);
    send([a]);
    expect(row.leavesOutIn(without(b), 0)).toBeUndefined();
  });

  it('goes when nothing has been out for a while', () => {
    const { row, a, b, send, answer } = setUp();
    expect(row.leavesOutIn(without(b), 1_000)).toBe(100);
    expect(row.leavesOutIn(without(b), 1_060)).toBe(40);
    expect(row.leavesOutIn(without(b), 1_100)).toBe(0);
    send([a]);
    answer('backlog', 'a');
    expect(row.leavesOutIn(without(b), 1_200)).toBe(100);
  });

  it('counts what is out: whose FETCHes are all back may be on another lane', () => {
    const { row, a, b, send } = setUp();
    send([a, b]);
    send([a], true);
    expect([a.out, a.partial, a.outOn, b.out, b.partial]).toEqual([2, 1, LANE, 1, 0]);
    row.onBack();
    expect([a.out, b.out, b.outOn]).toEqual([1, 0, undefined]);
    row.onBack();
    expect([a.out, a.partial, a.outOn]).toEqual([0, 0, undefined]);
  });
});
