import type { FaktoryVersion } from '../../test/helpers/real-faktory.ts';
import type { Peer } from '../peers.ts';

/** A line of the table. */
export interface Line {
  readonly row: string;
  readonly what: string;
  /** What it must reach; empty for a figure that only stands beside. */
  readonly target: string;
  /** After the point (default 0). */
  readonly digits?: number;
}

export interface Round {
  /** Called once a round for each line. */
  readonly note: (line: Line, value: number) => void;
  readonly peers: readonly Peer[];
  readonly faktoryVersion: FaktoryVersion;
  /** How long `10 jobs/s for a minute` takes, in seconds. */
  readonly minute: number;
}

/** Measured once a round. What is compared is measured in the same round; ratios are of one round, too. */
export interface Row {
  readonly ids: readonly string[];
  /** Roughly, in seconds a round. */
  readonly takes: number;
  /** Rejects with LeftOut where something that it needs is not here. */
  measure(round: Round): Promise<void>;
}
