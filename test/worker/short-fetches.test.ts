import { describe, expect, it } from 'vitest';
import { opensTo, roomiest, ShortFetches } from '../../src/worker/short-fetches.ts';

const lane = (outstanding: number, leftOut: string[] = [], most = 10) => ({
  outstanding,
  leftOut: new Set(leftOut),
  room: () => most - outstanding,
});

describe('the lane of a FETCH', () => {
  it('is the one with the fewest outstanding that has room', () => {
    const lanes = [lane(3), lane(1), lane(2), lane(0, [], 0)];
    expect(roomiest(lanes, ['a'], 0)).toBe(lanes[1]);
    expect(roomiest(lanes, ['a'], 0, lanes[1])).toBe(lanes[2]);
    expect(roomiest([lane(1, [], 1)], ['a'], 0)).toBeUndefined();
  });

  it('is none on which a FETCH waits that has left out what it names', () => {
    const lanes = [lane(1, ['calls']), lane(2)];
    expect(roomiest(lanes, ['calls', 'default'], 0)).toBe(lanes[1]);
    expect(roomiest(lanes, ['default'], 0)).toBe(lanes[0]);
    expect(roomiest([lanes[0]!], ['calls'], 0)).toBeUndefined();
  });
});

describe('the lane that is kept open', () => {
  const short = (leftOut: string[], isNew: boolean) => ({ queues: ['a', 'b'], leftOut, isNew });

  it('takes one that names a queue which nothing else asks for, while nothing is out on it', () => {
    expect(opensTo(lane(0), short(['rare'], true), 0)).toBe(true);
    expect(opensTo(lane(0), short(['rare'], false), 0)).toBe(false);
    expect(opensTo(lane(0, [], 0), short(['rare'], true), 0)).toBe(false);
  });

  it('then more of that kind, but none that leaves out more, or that names what was left out', () => {
    const open = lane(1, ['rare']);
    expect(opensTo(open, short(['rare'], false), 0)).toBe(true);
    expect(opensTo(open, short(['rare', 'c'], true), 0)).toBe(false);
    expect(opensTo(lane(1, ['a']), short([], true), 0)).toBe(false);
  });
});

describe('ShortFetches', () => {
  it('lets each kind earn its depth by its own replies, in whatever order its queues stand', () => {
    const short = new ShortFetches();
    const kind = short.kindOf(['a', 'b']);
    expect(short.kindOf(['b', 'a'])).toBe(kind);
    for (let i = 0; i < 3; i += 1) {
      kind.onSent();
      kind.onReply('backlog', 10);
    }
    kind.onAnswered();
    expect([kind.depth, kind.out, short.out]).toEqual([4, 2, 2]);
    expect(short.kindOf(['a']).depth).toBe(1);
    kind.onReply('empty', 10);
    expect(kind.depth).toBe(1);
    for (const [reply, depth] of [
      ['waited', 4],
      ['backlog', 5],
      ['waited', 4],
    ] as const) {
      kind.onReply(reply, 10);
      expect(kind.depth).toBe(depth);
    }
    for (let i = 0; i < 10; i += 1) kind.onReply('backlog', 10);
    expect(kind.depth).toBe(10);
    kind.onReply('waited', 10);
    expect(kind.depth).toBe(5);
    kind.onReply('waited', 3);
    expect(kind.depth).toBe(3);
  });

  it('forgets kinds that nothing is out of, when they are many', () => {
    const short = new ShortFetches();
    const out = short.kindOf(['out']);
    out.onSent();
    const idle = short.kindOf(['idle']);
    for (let i = 0; i < 40; i += 1) short.kindOf([`queue-${i}`]);
    expect(short.kindOf(['out'])).toBe(out);
    expect(short.kindOf(['idle'])).not.toBe(idle);
  });
});
