/** What each request of a load carries. Pure. */
import { clock } from './clock.ts';

/** What is wrong with a request: refused by the API, or thrown out by the handler, so that it ends in Dead. */
export type Flaw = 'malformed' | 'poison';

export interface BodyPlan {
  /** In the URL, `/jobs/<jobtype>`; with a queue in the body, since only an envelope can say it. */
  readonly jobtype: string;
  readonly queue?: string;
  /** Part of all requests that cannot be done, as `1 in so many`; by turns of each flaw. */
  readonly flawedEvery?: number;
  readonly flaws?: readonly Flaw[];
}

/** The argument of each job. */
export interface LoadArgs {
  /** When it was submitted, by `clock()`. */
  readonly at: number;
  readonly poison?: true;
}

export function pathOf({ jobtype, queue }: BodyPlan): string {
  return queue === undefined ? `/jobs/${encodeURIComponent(jobtype)}` : '/jobs';
}

/** What is wrong with the request number `n`, from 0. */
export function flawOf({ flawedEvery = 0, flaws = [] }: BodyPlan, n: number): Flaw | undefined {
  // In the middle of so many, so that a short load has its share, too.
  if (flawedEvery === 0 || n % flawedEvery !== Math.floor(flawedEvery / 2)) return undefined;
  return flaws[Math.floor(n / flawedEvery) % flaws.length];
}

/** How many of the first `count` requests have this flaw. */
export function countFlawed(plan: BodyPlan, count: number, flaw: Flaw): number {
  let found = 0;
  for (let n = 0; n < count; n += 1) if (flawOf(plan, n) === flaw) found += 1;
  return found;
}

/** The same as a line of a bulk, where every job is an envelope. */
export function lineOf(plan: BodyPlan, n: number, at?: number): string {
  return bodyOf({ queue: 'default', ...plan }, n, at);
}

/** The body of the request number `n`, stamped now. */
export function bodyOf(plan: BodyPlan, n: number, at: number = clock()): string {
  const flaw = flawOf(plan, n);
  const args: LoadArgs = { at, ...(flaw === 'poison' ? { poison: true } : {}) };
  const { jobtype, queue } = plan;
  const text = JSON.stringify(queue === undefined ? args : { jobtype, queue, args });
  return flaw === 'malformed' ? text.slice(0, -1) : text;
}
