import { describe, expect, it } from 'vitest';
import { RecentSources } from '../../../src/worker/results/recent-sources.ts';
import { until } from '../../helpers/until.ts';

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

  it('waits no longer for a batch that was told to end; that one ends late and disturbs nobody', async () => {
    const recent = new RecentSources();
    const hung = new AbortController();
    const ends: (() => void)[] = [];
    const late = () => new Promise<string>((resolve) => ends.push(() => resolve('late')));
    const first = recent.once(of('a'), late, { signal: hung.signal });
    const second = recent.once(of('a', 'b'), names);
    hung.abort(new Error('timed out'));
    expect(await second).toEqual(['a', 'b']);
    // While a third is busy with another source, the first ends: the third is waited for all the same.
    const third = recent.once(of('c'), late);
    ends[0]!();
    expect(await first).toBe('late');
    let waited = true;
    const fourth = recent.once(of('c', 'd'), (fresh) => {
      expect(waited).toBe(false);
      return names(fresh);
    });
    await new Promise(setImmediate);
    waited = false;
    ends[1]!();
    expect([await third, await fourth]).toEqual(['late', ['d']]);
  });

  it('leaves a source to who has taken it over, whatever the one before comes to', async () => {
    const recent = new RecentSources();
    const hung = new AbortController();
    const ends: ((error?: Error) => void)[] = [];
    const slow = () =>
      new Promise<void>((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
    const first = recent.once(of('a'), slow, { signal: hung.signal });
    hung.abort();
    const second = recent.once(of('a'), slow);
    await until(() => ends.length === 2);
    ends[0]!(new Error('no'));
    await expect(first).rejects.toThrow('no');
    const third = recent.once(of('a'), names);
    await new Promise(setImmediate);
    ends[1]!();
    await second;
    expect(await third).toBeUndefined();
    expect(recent.size).toBe(1);
  });

  it('is waited for by nobody who is told to end', async () => {
    const recent = new RecentSources();
    const told = new AbortController();
    void recent.once(of('a'), () => new Promise(() => {}));
    const waiting = recent.once(of('a'), names, { signal: told.signal });
    told.abort(new Error('timed out'));
    await expect(waiting).rejects.toThrow('timed out');
    await expect(recent.once(of('b'), names, { signal: told.signal })).rejects.toThrow('timed out');
    expect(await recent.once(of('b'), names)).toEqual(['b']);
  });

  it('forgets the oldest beyond its size, and all beyond its window', async () => {
    let now = 0;
    const recent = new RecentSources({
      maxSize: 2,
      windowMs: 100,
      now: () => now,
      onForgotten: () => {},
    });
    await recent.once(of('a', 'b', 'c'), names);
    expect(recent.size).toBe(2);
    expect(await recent.once(of('a', 'b', 'c'), names)).toEqual(['a']);
    now = 100;
    expect(await recent.once(of('a', 'c'), names)).toEqual(['a', 'c']);
    expect(() => new RecentSources({ maxSize: 0 })).toThrow(RangeError);
    expect(() => new RecentSources({ windowMs: 0 })).toThrow(RangeError);
  });

  it('tells, once, that it forgets before the window is over, and counts how many', async () => {
    let now = 0;
    const told: string[] = [];
    const recent = new RecentSources({
      maxSize: 32,
      windowMs: 60_000,
      now: () => now,
      onForgotten: (text) => told.push(text),
    });
    const many = (from: string, count: number) => of(...Array.from({ length: count }, (_, n) => from + n));
    await recent.once(many('a', 32), names);
    expect([recent.size, recent.forgotten, told]).toEqual([32, 0, []]);
    now = 15_000;
    await recent.once(many('b', 3), names);
    expect(recent.size + recent.forgotten).toBe(35);
    expect(recent.size).toBeLessThanOrEqual(32);
    expect(recent.size).toBeGreaterThanOrEqual(28);
    expect(told).toEqual([expect.stringMatching(/after 15 s, not 60: .*maxSize/)]);
    await recent.once(many('c', 30), names);
    expect(told).toHaveLength(1);
    const { forgotten } = recent;
    now = 200_000;
    await recent.once(of('d'), names);
    expect([recent.size, recent.forgotten]).toEqual([1, forgotten]);
  });
});
