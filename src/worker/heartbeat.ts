/**
 * Beats on the control lane: they keep the worker registered, carry its memory, measure the round trip, and bring
 * back `quiet` and `terminate`. BEAT touches no Redis, so one a second while there is work costs nothing.
 */
import type { Lanes } from '../connection/lanes.ts';
import { beatCommand } from '../protocol/commands.ts';
import { BULK, ERROR } from '../protocol/resp.ts';
import { likelyMs, type RoundTrip, withRoundTrip } from './round-trip.ts';

export interface HeartbeatOptions {
  control: Lanes;
  wid: string;
  /** At least this often (default 15,000): Faktory forgets a worker after 60 s. */
  intervalMs: number;
  isBusy: () => boolean;
  isQuiet: () => boolean;
  onRoundTrip: (ms: number) => void;
  onQuiet: () => void;
  onTerminate: () => void;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #roundTrips: readonly RoundTrip[] = [];
  #beatenAt = Number.NEGATIVE_INFINITY;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Called once a second: beats when it is time. */
  tick(): void {
    const { intervalMs, isBusy } = this.#options;
    if (isBusy() || performance.now() - this.#beatenAt >= intervalMs) this.beat();
  }

  beat(): void {
    const { control, wid, isQuiet } = this.#options;
    const [lane] = control.ready;
    if (lane === undefined) return;
    this.#beatenAt = performance.now();
    const busyBefore = performance.eventLoopUtilization();
    const rss_kb = Math.round(process.memoryUsage.rss() / 1024);
    lane.send(beatCommand(isQuiet() ? { wid, rss_kb, current_state: 'quiet' } : { wid, rss_kb }), {
      onReply: (kind, text, writtenAt) => {
        if (kind === ERROR) return this.#onRefused(text);
        this.#note(performance.now() - writtenAt, performance.eventLoopUtilization(busyBefore).active);
        if (kind === BULK) this.#obey(text);
      },
      onLost: () => {},
    });
    lane.flush();
  }

  #note(tookMs: number, busyMs: number): void {
    const ms = likelyMs(this.#roundTrips, tookMs, busyMs);
    this.#roundTrips = withRoundTrip(this.#roundTrips, { at: performance.now(), ms });
    this.#options.onRoundTrip(Math.min(...this.#roundTrips.map((trip) => trip.ms)));
  }

  #obey(text: string): void {
    if (text.includes('"quiet"')) this.#options.onQuiet();
    else if (text.includes('"terminate"')) this.#options.onTerminate();
  }

  /** Faktory has forgotten us (it was restarted, or we were silent too long): a new HELLO registers again. */
  #onRefused(text: string): void {
    if (!text.startsWith('ERR unknown worker')) return;
    for (const lane of [...this.#options.control.ready]) lane.destroy();
  }
}
