import { describe, expect, it } from 'vitest';
import type { Line } from '../../src/cli/file-lines.ts';
import { type PushLinesOptions, pushLines } from '../../src/cli/push-lines.ts';
import { MillraceError } from '../../src/errors.ts';

const CHUNK = 10;

/** As `readLines` yields them: `pieces` pieces of `each` lines. */
async function* pieces(count: number, each: number, onTaken: () => void = () => {}): AsyncGenerator<Line[]> {
  for (let piece = 0; piece < count; piece += 1) {
    onTaken();
    yield Array.from({ length: each }, (_, at) => ({ number: piece * each + at + 1, text: '[]' }));
  }
}

function pushing(options: Partial<PushLinesOptions>) {
  const told: string[] = [];
  const totals = { pushed: 0, failed: 0 };
  const done = pushLines({
    lines: pieces(1, 1),
    toJob: () => ({ jobtype: 'add' }),
    push: async () => 'jid',
    chunkSize: CHUNK,
    onFailed: (line, error) => told.push(`${line}: ${error.message}`),
    totals,
    ...options,
  });
  return { done, told, totals };
}

describe('pushing lines', () => {
  it('pushes every line once', async () => {
    const { done, told, totals } = pushing({ lines: pieces(7, 33) });
    await done;
    expect([totals, told]).toEqual([{ pushed: 231, failed: 0 }, []]);
  });

  it('tells each line that fails, and goes on', async () => {
    const { done, told, totals } = pushing({
      lines: (async function* () {
        yield [
          { number: 1, text: 'good' },
          { number: 2, text: 'bad' },
          { number: 4, text: undefined },
          { number: 5, text: 'refused' },
        ];
      })(),
      toJob(text) {
        if (text === 'bad') throw new MillraceError('JOB_INVALID', 'not JSON');
        return { jobtype: text };
      },
      push: async ({ jobtype }) => {
        if (jobtype === 'refused') throw new MillraceError('JOB_REJECTED', 'no');
        return 'jid';
      },
    });
    await done;
    expect(told).toEqual(['2: not JSON', '4: the line is too long for a job', '5: no']);
    expect(totals).toEqual({ pushed: 1, failed: 3 });
  });

  it('reads no further while 16 chunks are on their way', async () => {
    const answers: (() => void)[] = [];
    let taken = 0;
    const { done, totals } = pushing({
      lines: pieces(100, CHUNK, () => {
        taken += 1;
      }),
      push: () => new Promise((resolve) => answers.push(() => resolve('jid'))),
    });
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    await settle();
    // 16 on their way, and one that waits.
    expect([taken, answers.length]).toEqual([17, 160]);
    for (const answer of answers.splice(0, CHUNK)) answer();
    await settle();
    expect([taken, answers.length]).toEqual([18, 160]);
    while (totals.pushed < 1_000) {
      for (const answer of answers.splice(0)) answer();
      await settle();
    }
    await done;
  });

  it('stops reading when Faktory is lost for good', async () => {
    let taken = 0;
    const { done, totals } = pushing({
      lines: pieces(1_000, CHUNK, () => {
        taken += 1;
      }),
      push: () => Promise.reject(new MillraceError('FAKTORY_UNREACHABLE', 'gone')),
    });
    await expect(done).rejects.toMatchObject({ code: 'FAKTORY_UNREACHABLE' });
    expect(taken).toBeLessThan(20);
    expect(totals.pushed).toBe(0);
  });

  it('throws what is no fault of a line', async () => {
    const { done } = pushing({ push: () => Promise.reject(new TypeError('a bug')) });
    await expect(done).rejects.toThrow('a bug');
  });
});
