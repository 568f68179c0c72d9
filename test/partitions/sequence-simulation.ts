/**
 * Faktory and the owners of a partition in numbers: jobs arrive in any order, some twice, some numbers are void; jobs
 * are handed back; owners die with what they hold, or hand over, with a checkpoint that may lie behind.
 */
import type { Place } from '../../src/partitions/coordinator.ts';
import { toRanges } from '../../src/partitions/ranges.ts';
import { Sequence } from '../../src/partitions/sequence.ts';
import { below, seeded } from './seeded.ts';

export interface SimulatedRun {
  readonly number: number;
  readonly owner: number;
}

const EPOCH = 1_000;
/** The last one dies no more. */
const OWNERS = 12;

export function simulateOwners(seed: number): { pushed: number[]; runs: SimulatedRun[]; late: number } {
  const random = seeded(seed);
  const numbers = Array.from({ length: 30 + below(random, 60) }, (_, i) => i + 1);
  const voids = numbers.filter((number) => number < numbers.length && random() < 0.1);
  const pushed = numbers.filter((number) => !voids.includes(number));
  const runs: SimulatedRun[] = [];
  let place: Place = { epoch: EPOCH, first: 1, next: 1, open: [] };
  let late = 0;
  for (let owner = 0; owner < OWNERS && place.next <= numbers.length; owner += 1) {
    const sequence = new Sequence<number>({
      place,
      epochs: [{ epoch: EPOCH, first: 1 }],
      gapWaitMs: Number.POSITIVE_INFINITY,
    });
    sequence.learnVoids(new Map([[EPOCH, toRanges(voids)]]));
    const arriving = arrivals(pushed, place.next, random);
    const dies = owner === OWNERS - 1 ? Number.POSITIVE_INFINITY : below(random, arriving.length * 2);
    place = runOwner({
      sequence,
      arriving,
      dies,
      random,
      place,
      ran: (number) => runs.push({ number, owner }),
    });
    late += sequence.tally.late;
  }
  return { pushed, runs, late };
}

/** What is not checkpointed has come back, and some of it, or of what is done, comes twice. */
function arrivals(pushed: readonly number[], next: number, random: () => number): number[] {
  const waiting = pushed.filter((number) => number >= next);
  const repeated = pushed.filter((number) => number >= next - 5 && random() < 0.2);
  return [...waiting, ...repeated];
}

interface SimulatedOwner {
  sequence: Sequence<number>;
  arriving: number[];
  /** After so many steps. */
  dies: number;
  random: () => number;
  place: Place;
  ran(number: number): void;
}

/** Returns the place of its last checkpoint. */
function runOwner({ sequence, arriving, dies, random, place, ran }: SimulatedOwner): Place {
  let stored = place;
  for (let step = 0; step < dies && (arriving.length > 0 || sequence.held > 0); step += 1) {
    const [number] = arriving.splice(below(random, Math.min(arriving.length, 12)), 1);
    if (number !== undefined) sequence.offer({ epoch: EPOCH, number }, number, step);
    const turn = sequence.start(step);
    if (turn === undefined) continue;
    if (random() < 0.1) {
      // Handed back instead, and it comes again.
      sequence.putBack(turn);
      arriving.push(turn.job);
      continue;
    }
    ran(turn.job);
    sequence.done(turn);
    if (dies === Number.POSITIVE_INFINITY || random() < 0.8) stored = sequence.place;
  }
  return stored;
}
