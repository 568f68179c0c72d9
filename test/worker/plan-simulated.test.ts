import { describe, expect, it } from 'vitest';
import { Simulation, type World } from './simulation.ts';

/** 500 slots, 50 ms away, a server that serves 40,000 commands a second, a queue that never empties. */
const WORLD = {
  slots: 500,
  roundTripMs: 50,
  serverPerSecond: 40_000,
  backlog: Number.POSITIVE_INFINITY,
  seconds: 6,
} as const;
const INSTANT = (): number => 0.01;

const run = (world: Partial<World> & Pick<World, 'handlerMs'>): Simulation =>
  new Simulation({ ...WORLD, ...world }).run();

describe('instant handlers', () => {
  it("reach the server's own rate within two seconds, and put no more on the way than that needs", () => {
    const simulation = run({ handlerMs: INSTANT });
    expect(simulation.rate(2, 6)).toBeGreaterThan(39_500);
    // 40,000 × 55 ms × 1.25.
    expect(simulation.most('outstanding', 3, 6)).toBeLessThan(2_800);
  });

  it.each([50, 100, 500, 1_000])('with prefetch 0 and %i slots run at Little’s bound', (slots) => {
    const simulation = run({ handlerMs: INSTANT, slots, lead: 0 });
    const bound = slots / 0.05;
    expect(simulation.rate(2, 6)).toBeGreaterThan(0.95 * bound);
    expect(simulation.rate(2, 6)).toBeLessThan(1.05 * bound);
    expect(simulation.most('outstanding', 0, 6)).toBeLessThanOrEqual(slots);
  });

  it('are as quick 200 ms away', () => {
    const simulation = run({ handlerMs: INSTANT, slots: 2_000, roundTripMs: 200, seconds: 8 });
    expect(simulation.rate(4, 8)).toBeGreaterThan(39_000);
    expect(simulation.most('outstanding', 0, 8)).toBeLessThan(16_384);
  });

  it('next door have few on the way: more would bring nothing', () => {
    const simulation = run({ handlerMs: INSTANT, roundTripMs: 0.2, serverPerSecond: 9_000 });
    expect(simulation.rate(2, 6)).toBeGreaterThan(8_900);
    expect(simulation.most('outstanding', 2, 6)).toBeLessThan(80);
  });

  it('add nothing where the server is the bottleneck', () => {
    const simulation = run({ handlerMs: INSTANT, serverPerSecond: 2_000 });
    expect(simulation.rate(2, 6)).toBeGreaterThan(1_980);
    expect(simulation.most('outstanding', 3, 6)).toBeLessThan(150);
  });
});

describe('handlers that take their time', () => {
  it('of 10 ms run at the rate of the server', () => {
    expect(run({ handlerMs: () => 10 }).rate(3, 6)).toBeGreaterThan(39_500);
  });

  it('of 100 ms keep every slot busy: 4,900 of 5,000', () => {
    const simulation = run({ handlerMs: () => 100 });
    expect(simulation.rate(1, 6)).toBeGreaterThan(4_900);
    expect(simulation.most('ready', 2, 6)).toBeLessThan(100);
  });

  it('of a second hold little more than their slots', () => {
    const simulation = run({ handlerMs: () => 1_000, seconds: 10 });
    expect(simulation.rate(2, 10)).toBeGreaterThan(495);
    expect(simulation.most('ready', 3, 10)).toBeLessThan(60);
  });

  it('of a mix, one in ten a second long, run at nine tenths of what slots allow', () => {
    const simulation = run({ handlerMs: (n) => (n % 10 === 0 ? 1_000 : 1), seconds: 10 });
    expect(simulation.rate(4, 10)).toBeGreaterThan(4_500);
    expect(simulation.most('ready', 4, 10)).toBeLessThan(500);
  });

  it.each([
    { slots: 500, roundTripMs: 50, handlerS: 5, most: 60 },
    { slots: 500, roundTripMs: 50, handlerS: 30, most: 40 },
    { slots: 2_000, roundTripMs: 200, handlerS: 2, most: 500 },
  ])('of $handlerS s, $slots slots, $roundTripMs ms away hold little more than their slots', (world) => {
    const { slots, roundTripMs, handlerS, most } = world;
    const simulation = run({ slots, roundTripMs, handlerMs: () => handlerS * 1_000, seconds: 26 });
    expect(simulation.most('ready', 0, 26)).toBeLessThan(most);
    // Every slot is in use, but for the moments in which a herd ends.
    expect(simulation.rate(0, 26)).toBeGreaterThan((0.8 * slots) / handlerS);
  });

  it('and that become slow in a moment: what was fetched ahead waits two seconds at most, then little is', () => {
    const simulation = run({
      handlerMs: (_n, now) => (now < 3_000 ? 0.01 : 1_000),
      serverPerSecond: 9_000,
      seconds: 10,
    });
    expect(simulation.longestReadyMs).toBeLessThan(2_500);
    expect(simulation.most('ready', 6, 10)).toBeLessThan(100);
  });
});

describe('handlers that compute', () => {
  it.each([2, 20])('of %i ms are not taken for a long way, for which more would be fetched', (ms) => {
    const simulation = run({
      handlerMs: () => ms,
      handlersBlock: true,
      roundTripMs: 0.5,
      backlog: 30_000,
      seconds: 60,
    });
    expect(simulation.rate(2, 60)).toBeGreaterThan(0.98 * (1_000 / ms));
    expect(simulation.plan.roundTripMs).toBeLessThan(10);
    expect(simulation.most('outstanding', 2, 60) + simulation.most('ready', 2, 60)).toBeLessThan(150);
  });

  it('do not hide that the way has become longer', () => {
    const simulation = run({
      handlerMs: () => 2,
      handlersBlock: true,
      roundTripMs: (now) => (now < 10_000 ? 1 : 100),
      seconds: 40,
    });
    expect(simulation.rate(20, 40)).toBeGreaterThan(450);
  });
});

describe('what changes', () => {
  it('follows a round trip that goes from 1 to 200 ms and back', () => {
    const simulation = run({
      handlerMs: INSTANT,
      serverPerSecond: 9_000,
      roundTripMs: (now) => (now < 4_000 || now >= 14_000 ? 1 : 200),
      seconds: 20,
    });
    expect(simulation.rate(1, 4)).toBeGreaterThan(8_900);
    expect(simulation.rate(10, 14)).toBeGreaterThan(8_900);
    expect(simulation.rate(15, 20)).toBeGreaterThan(8_900);
    expect(simulation.most('outstanding', 17, 20)).toBeLessThan(150);
  });

  it('has few FETCHes wait for a trickle of jobs', () => {
    const simulation = run({
      handlerMs: INSTANT,
      backlog: 0,
      arrivalsPerSecond: 10,
      serverPerSecond: 9_000,
      seconds: 60,
    });
    // Twice as many as there are lanes.
    expect(simulation.most('outstanding', 0, 60)).toBeLessThanOrEqual(16);
    expect(simulation.started).toBeGreaterThan(590);
  });

  it('keeps the lanes that a trickle needs, rather than to give them up and open them again', () => {
    const simulation = run({ handlerMs: INSTANT, backlog: 0, arrivalsPerSecond: 10, seconds: 60 });
    expect(simulation.opened).toBeLessThanOrEqual(8);
  });
});
