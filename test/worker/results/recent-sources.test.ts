import { describe, expect, it } from 'vitest';
import { RecentSources } from '../../../src/worker/results/recent-sources.ts';

const of = (...sources: string[]) => sources.map((source) => ({ source }));
const names = (results: { source: string }[]) => results.map(({ source }) => source);

describe('RecentSources', () => {
  it('drops what came before, also within a batch, and calls nobody where nothing is new', async () => {
    const recent = new RecentSources();
    expect(await recent.once(of('a', 'b', 'a'), names)).toEqual(['a', 'b']);
    expect(await recent.once(of('b', 'c'), names)).toEqual(['c']);
    let called = false;
    expect(
      await recent.once(of('a', 'c'), () => {
        called = true;
      }),
    ).toBeUndefined();
    expect([called, recent.size]).toEqual([false, 3]);
  });

  it('remembers nothing of a batch that failed: it comes again', async () => {
    const recent = new RecentSources();
    const failing = recent.once(of('a'), () => {
      throw new Error('away');
    });
    await expect(failing).rejects.toThrow('away');
    expect(await recent.once(of('a'), names)).toEqual(['a']);
  });

  it('waits for the batch that is busy with the same source, and takes over where that fails', async () => {
    const recent = new RecentSources();
    const ends: (() => void)[] = [];
    const first = recent.once(
      of('a', 'b'),
      () => new Promise<void>((_resolve, reject) => ends.push(() => reject(new Error('no')))),
    );
    const second = recent.once(of('b', 'c'), names);
    ends[0]!();
    await expect(first).rejects.toThrow('no');
    expect(await second).toEqual(['b', 'c']);
    expect(await recent.once(of('a', 'b'), names)).toEqual(['a']);
  });

  it('forgets the oldest beyond its size, and all beyond its window', async () => {
    let now = 0;
    const recent = new RecentSources({ maxSize: 2, windowMs: 100 });
    await recent.once(of('a', 'b', 'c'), names, () => now);
    expect(recent.size).toBe(2);
    expect(await recent.once(of('a', 'b', 'c'), names, () => now)).toEqual(['a']);
    now = 100;
    expect(await recent.once(of('a', 'c'), names, () => now)).toEqual(['a', 'c']);
    expect(() => new RecentSources({ maxSize: 0 })).toThrow(RangeError);
  });
});
