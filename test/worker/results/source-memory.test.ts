import { describe, expect, it } from 'vitest';
import { SourceMemory } from '../../../src/worker/results/source-memory.ts';

const rules = { maxSize: 160, windowMs: 16_000 };

describe('SourceMemory', () => {
  it('forgets no source before the window is over, and each within an eighth of it after', () => {
    const memory = new SourceMemory(rules);
    // One a quarter of a second: no part is ever full.
    for (let now = 0; now < 8_000; now += 250) memory.add(`at ${now}`, now);
    for (let now = 8_000; now < 30_000; now += 250) {
      expect(memory.forget(now)).toEqual({ early: 0, ageMs: Number.POSITIVE_INFINITY });
      for (let at = 0; at < 8_000; at += 250) {
        if (now - at < 16_000) expect(memory.has(`at ${at}`)).toBe(true);
        if (now - at >= 18_000) expect(memory.has(`at ${at}`)).toBe(false);
      }
    }
    expect(memory.size).toBe(0);
  });

  it('forgets the oldest beyond its size, an eighth at a time, and says how old they were', () => {
    const memory = new SourceMemory(rules);
    for (let i = 0; i < 160; i += 1) memory.add(`n${i}`, i);
    expect([memory.forget(160).early, memory.size]).toEqual([0, 160]);
    memory.add('one more', 160);
    expect(memory.forget(1_000)).toEqual({ early: 20, ageMs: 981 });
    expect([memory.size, memory.has('n19'), memory.has('n20')]).toEqual([141, false, true]);
  });

  it('does not count as early what is over anyway', () => {
    const memory = new SourceMemory(rules);
    for (let i = 0; i < 200; i += 1) memory.add(`n${i}`, 0);
    expect(memory.forget(16_000).early).toBe(0);
    expect(memory.size).toBe(0);
  });
});
