/** API_RATE_LIMIT: how many requests a second each token may make, or each address where there is none. */
import type { FastifyInstance } from 'fastify';
import { networkOf } from './failures.ts';
import { Problem } from './problem.ts';
import type { Refusals } from './refusals.ts';

const SECOND_MS = 1_000;

/**
 * Counts by the second; pure, time is given. All counts of a second are forgotten together, so that there are never more
 * than requests in one. Around the end of a second a caller may make twice as many.
 */
export class RateWindow {
  readonly #perSecond: number;
  #counts = new Map<string, number>();
  #second = Number.NaN;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Counts a request of `caller`; whether it may be answered. `now` in ms of a clock that never goes back. */
  admits(caller: string, now: number): boolean {
    const second = Math.floor(now / SECOND_MS);
    if (second !== this.#second) {
      this.#second = second;
      this.#counts = new Map();
    }
    const count = (this.#counts.get(caller) ?? 0) + 1;
    this.#counts.set(caller, count);
    return count <= this.#perSecond;
  }
}

/**
 * Limits the routes of `app`; nothing is added where the limit is 0. Each process counts for itself, so with
 * API_PROCESSES the sum may be as many times higher. (@fastify/rate-limit refuses all of a pipelined burst that is over
 * the limit, also those within it: each request looks at its count only when all of them have been counted.)
 */
export function limitRate(app: FastifyInstance, perSecond: number, refusals: Refusals): void {
  if (perSecond === 0) return;
  const window = new RateWindow(perSecond);
  app.addHook('onRequest', (request, _reply, done) => {
    if (window.admits(request.caller ?? networkOf(request.ip), performance.now())) done();
    else {
      refusals.note('rate', request.ip);
      done(new Problem('RATE_LIMITED'));
    }
  });
}
