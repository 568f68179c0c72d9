/** What is swept over. Pure. */
import { MillraceError } from '../errors.ts';

/** WORKER_PREFETCH of a cell: 0 is a fetch loop a slot. */
export type Prefetch = 0 | 'auto';

export interface Cell {
  /** Round trip that the relay adds, in ms. */
  readonly latencyMs: number;
  readonly concurrency: number;
  readonly prefetch: Prefetch;
}

/** One measurement of a cell. */
export interface Run extends Cell {
  /** From 1. */
  readonly round: number;
}

const MOST_RUNS = 500;

/** `50,500`: whole numbers in rising order, each once. Throws CONFIG_INVALID naming the option. */
export function parseWholes(option: string, text: string, least: number, most: number): number[] {
  const numbers = text.split(',').map((each) => {
    const number = /^\d+$/.test(each.trim()) ? Number(each) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw wrong(option, text, `whole numbers from ${least} to ${most} with commas between, such as 50,500`);
  });
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** `0.5`. Throws CONFIG_INVALID naming the option. */
export function parseNumber(option: string, text: string, least: number, most: number): number {
  const number = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw wrong(option, text, `a number from ${least} to ${most}`);
}

/** Latency outermost, prefetch innermost: those that are compared stand beside one another. */
export function cellsOf(latencies: readonly number[], concurrencies: readonly number[]): Cell[] {
  return latencies.flatMap((latencyMs) =>
    concurrencies.flatMap((concurrency) =>
      ([0, 'auto'] as const).map((prefetch) => ({ latencyMs, concurrency, prefetch })),
    ),
  );
}

/**
 * In the order of measuring: 0, auto, 0, auto … of a latency and concurrency before the next, so that what is compared
 * was measured in the same minute, whatever else the machine did then. Throws CONFIG_INVALID where they are too many.
 */
export function runsOf(cells: readonly Cell[], rounds: number): Run[] {
  if (cells.length * rounds > MOST_RUNS) {
    throw new MillraceError(
      'CONFIG_INVALID',
      `--latency, --concurrency and --rounds make ${cells.length * rounds} measurements, it takes ${MOST_RUNS} at most`,
    );
  }
  const together = (a: Cell, b: Cell): boolean =>
    a.latencyMs === b.latencyMs && a.concurrency === b.concurrency;
  const firsts = cells.filter((cell, i) => i === 0 || !together(cell, cells[i - 1]!));
  return firsts.flatMap((first) =>
    Array.from({ length: rounds }, (_, i) => i + 1).flatMap((round) =>
      cells.filter((cell) => together(cell, first)).map((cell) => ({ ...cell, round })),
    ),
  );
}

function wrong(option: string, text: string, takes: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', `${option} is ${JSON.stringify(text)}, it takes ${takes}`);
}
