/** A sequence to try, and those whose turn it is run. */
import { Sequence, type SequenceOptions } from '../../src/partitions/sequence.ts';

export const E1 = 1_000;
export const E2 = 2_000;
export const at = (number: number, epoch = E1) => ({ epoch, number });

export function open(options: Partial<SequenceOptions> = {}): Sequence<string> {
  return new Sequence<string>({
    place: { epoch: E1, first: 1, next: 1, open: [] },
    epochs: [{ epoch: E1, first: 1 }],
    gapWaitMs: 100,
    ...options,
  });
}

/** Runs all whose turn it is. */
export function runAll(sequence: Sequence<string>, now = 0): string[] {
  const ran: string[] = [];
  for (let turn = sequence.start(now); turn !== undefined; turn = sequence.start(now)) {
    ran.push(turn.late ? `${turn.job} late` : turn.job);
    sequence.done(turn);
  }
  return ran;
}
