import { describe, expect, it } from 'vitest';
import { isWakeQueue, isWakeToken, WakeNames } from '../../src/worker/wake.ts';

describe('WakeNames', () => {
  it('gives living sockets names that differ', () => {
    const names = new WakeNames(0.99);
    const taken = Array.from({ length: 64 }, () => names.take());
    expect(new Set(taken).size).toBe(64);
    for (const name of taken) expect(name).toMatch(/^millrace-wake\.(0\d|[1-5]\d|6[0-3])$/);
  });

  it('gives the socket after a cut another name than the dead one had', () => {
    const names = new WakeNames(0);
    const dead = names.take();
    names.giveBack(dead);
    expect(names.take()).not.toBe(dead);
  });

  it('goes on when all are in use', () => {
    const names = new WakeNames(0);
    for (let i = 0; i < 64; i += 1) names.take();
    expect(names.take()).toMatch(/^millrace-wake\./);
  });
});

describe('a token', () => {
  it('is told by its jobtype and its queue together', () => {
    expect(isWakeToken({ jobtype: 'millrace-wake', queue: 'millrace-wake.07' })).toBe(true);
    expect(isWakeToken({ jobtype: 'millrace-wake', queue: 'default' })).toBe(false);
    expect(isWakeToken({ jobtype: 'add', queue: 'millrace-wake.07' })).toBe(false);
    expect(isWakeQueue('millrace-wake.63')).toBe(true);
    expect(isWakeQueue('default')).toBe(false);
  });
});
