/** The faults of the soak, and their order: a seed, a time, an interval in; a plan out. Pure. */
import { seeded } from '../../test/protocol/seeded.ts';

/** What is done, in the words of the table. */
export const FAULTS = {
  'relay-cut': 'relay cut (FIN)',
  'relay-reset': 'relay cut (RST)',
  'relay-freeze': 'relay frozen, 2 s',
  'relay-hole': 'black hole, 2 s',
  'worker-kill': 'a worker SIGKILLed, replaced',
  'worker-stop': 'a worker SIGTERMed, replaced',
  'faktory-pause': 'Faktory SIGSTOP, 3 s',
  'faktory-stop': 'Faktory SIGTERMed, restarted',
  'api-stop': 'API SIGTERMed, replaced',
  'handlers-throw': 'handlers throw, 1 s',
  'faktory-kill': 'Faktory SIGKILLed, restarted',
} as const;

export type Fault = keyof typeof FAULTS;

/** Those that may lose what Faktory has popped and not yet reserved: RELIABILITY.md, "The one exception". */
export const ENDS_FAKTORY: readonly Fault[] = ['faktory-stop', 'faktory-kill'];

export interface Planned {
  readonly fault: Fault;
  /** From the start of the measured time. */
  readonly atMs: number;
  /** Of the workers, which one, from 0 up to 1. */
  readonly choice: number;
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly everySeconds: number;
  readonly killFaktory?: boolean;
  /** These and no others. */
  readonly only?: readonly Fault[] | undefined;
}

/** One fault at the end of each interval but the last, each kind once before any comes again. */
export function scheduleOf(options: ScheduleOptions): Planned[] {
  const { seed, seconds, everySeconds, killFaktory = false, only } = options;
  const random = seeded(seed);
  const kinds =
    only ?? (Object.keys(FAULTS) as Fault[]).filter((kind) => killFaktory || kind !== 'faktory-kill');
  const plan: Planned[] = [];
  let bag: Fault[] = [];
  for (let at = everySeconds; at < seconds; at += everySeconds) {
    if (bag.length === 0) bag = shuffled(kinds, random.int, plan.at(-1)?.fault);
    plan.push({ fault: bag.pop()!, atMs: at * 1_000, choice: random.next() });
  }
  return plan;
}

/** `notFirst` does not come next, so that no fault follows itself. */
function shuffled(
  kinds: readonly Fault[],
  int: (min: number, max: number) => number,
  notFirst: Fault | undefined,
): Fault[] {
  const bag = [...kinds];
  for (let i = bag.length - 1; i > 0; i -= 1) {
    const j = int(0, i);
    [bag[i], bag[j]] = [bag[j]!, bag[i]!];
  }
  if (bag.at(-1) === notFirst) bag.unshift(bag.pop()!);
  return bag;
}
