/** How long a bulk waits for others. Pure, but for what it counts. */
import { Stall } from './stall.ts';

/** What is seen of a bulk, once a second. */
export interface Seen {
  /** It would take more items. */
  readonly isReading: boolean;
  readonly isConnected: boolean;
  /** Bytes of the body; undefined while no more are wanted. */
  readonly received: number | undefined;
  /** Bytes of the answer that were read; undefined while nothing waits for that. */
  readonly read: number | undefined;
}

/** `away`: Faktory. `silent`: the client sends nothing. `mute`: it reads nothing. */
export type Wait = 'away' | 'silent' | 'mute';

/** Looks: how long a client may neither send nor read what it should, and Faktory be away. */
export const CLIENT_PATIENCE = 30;
const AWAY_PATIENCE = 10;

export class Patience {
  readonly #absence = new Stall(AWAY_PATIENCE);
  readonly #silence = new Stall(CLIENT_PATIENCE);
  readonly #muteness = new Stall(CLIENT_PATIENCE);

  /** What was waited for in vain, if that is so. */
  look({ isReading, isConnected, received, read }: Seen): Wait | undefined {
    const isAway = this.#absence.look(isReading && !isConnected ? 0 : undefined);
    const isSilent = this.#silence.look(isReading ? received : undefined);
    const isMute = this.#muteness.look(read);
    if (isAway) return 'away';
    if (isSilent) return 'silent';
    return isMute ? 'mute' : undefined;
  }
}
