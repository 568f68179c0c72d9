import { describe, expect, it } from 'vitest';
import { type OrderRun, orderFaults, parseRuns } from '../../faults/order-check.ts';

function runsOf(text: string): OrderRun[] {
  const lines = text.trim().split('\n');
  return parseRuns(
    lines
      .map((line) => {
        const [what, index, fence = '1'] = line.trim().split(' ');
        return `${what} id-${index} 0 1 k ${index} 3 ${fence}\n`;
      })
      .join(''),
  );
}

const stored = (...indices: number[]) => new Map([['k', indices]]);

describe('the checker of the order', () => {
  it('finds nothing where jobs run one after another, some again', () => {
    const runs = runsOf('start 0\nend 0\nstart 1\nstart 1 2\nend 1 2\nstart 2 2\nend 2 2');
    expect(orderFaults(runs, stored(0, 1, 2))).toEqual([]);
  });

  it.each([
    ['start 1\nend 1\nstart 0\nend 0', ['started before 0', 'started after 1']],
    ['start 0\nstart 1\nend 0\nend 1', ['started before 0']],
    ['start 0\nend 0\nstart 1\nend 1\nstart 0\nend 0', ['started after 1']],
    ['start 0 2\nend 0 2\nstart 1 1\nend 1 1', ['by fence 1 after fence 2']],
    ['start 0\nend 0\nstart 1', ['never ended: 1']],
  ])('finds what is wrong in %j', (text, expected) => {
    const faults = orderFaults(runsOf(text), stored(0, 1));
    expect(faults).toHaveLength(expected.length);
    for (const [i, part] of expected.entries()) expect(faults[i]).toContain(part);
  });
});
