import type { FaktoryVersion } from '../../test/helpers/real-faktory.ts';
import type { Line } from '../rows/row.ts';

export interface HttpRound {
  /** Called once a round for each line. */
  readonly note: (line: Line, value: number) => void;
  readonly faktoryVersion: FaktoryVersion;
  /** How long each measurement lasts. */
  readonly seconds: number;
  /** Jobs of row 11; its target is about 50,000, which take nine minutes for each limit. */
  readonly slowJobs: number;
}

/** Measured once a round: what is compared is measured in the same round, and ratios are of one round. */
export interface HttpRow {
  readonly ids: readonly string[];
  readonly measure: (round: HttpRound) => Promise<void>;
}
