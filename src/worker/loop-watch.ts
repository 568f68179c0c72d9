import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;
/** What stands still for less is a garbage collection or a large payload. */
export const BLOCK_MS = 250;

/** Tells afterwards how long the event loop stood still at most. */
export class LoopWatch {
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  start(): void {
    this.#delays.enable();
  }

  stop(): void {
    this.#delays.disable();
  }

  /** The longest standstill since the last call, in ms; 0 for one too short to be told of. */
  longestMs(): number {
    const ms = this.#delays.max / 1e6 - RESOLUTION_MS;
    this.#delays.reset();
    return ms >= BLOCK_MS ? ms : 0;
  }
}
