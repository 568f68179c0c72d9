/**
 * Beats on the control lane: they keep the worker registered, carry its memory, measure the round trip, and bring
 * back `quiet` and `terminate`. BEAT touches no Redis, so one a second while there is work costs nothing.
 */
import type { Lanes } from '../connection/lanes.ts';
import { beatCommand } from '../protocol/commands.ts';
import { BULK, ERROR } from '../protocol/resp.ts';

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

/** How long a round trip counts: the least of them is the way, the rest is waiting, and ways change. */
const WINDOW_MS = 5_000;
const FAR_LONGER = 1.5;
const SLACK_MS = 5;

export interface RoundTrip {
  readonly at: number;
  readonly ms: number;
}

/**
 * The round trips that still count. Two in a row that are far longer than the least are no waiting but another way: a
 * route has changed, and what was before says nothing any more. Pure.
 */
export function withRoundTrip(before: readonly RoundTrip[], latest: RoundTrip): readonly RoundTrip[] {
  const trips = [...before.filter(({ at }) => latest.at - at < WINDOW_MS), latest];
  const least = Math.min(...trips.map(({ ms }) => ms));
  const lastTwo = trips.slice(-2);
  return lastTwo.length === 2 && lastTwo.every(({ ms }) => ms > FAR_LONGER * least + SLACK_MS)
    ? lastTwo
    : trips;
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
    const rss_kb = Math.round(process.memoryUsage.rss() / 1024);
    lane.send(beatCommand(isQuiet() ? { wid, rss_kb, current_state: 'quiet' } : { wid, rss_kb }), {
      onReply: (kind, text, writtenAt) => {
        if (kind === ERROR) return this.#onRefused(text);
        this.#note(performance.now() - writtenAt);
        if (kind === BULK) this.#obey(text);
      },
      onLost: () => {},
    });
    lane.flush();
  }

  #note(ms: number): void {
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
