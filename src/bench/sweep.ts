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

const MOST_CELLS = 200;

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

/** Latency outermost; prefetch innermost, so that what is compared was measured right after one another. */
export function cellsOf(latencies: readonly number[], concurrencies: readonly number[]): Cell[] {
  const cells = latencies.flatMap((latencyMs) =>
    concurrencies.flatMap((concurrency) =>
      ([0, 'auto'] as const).map((prefetch) => ({ latencyMs, concurrency, prefetch })),
    ),
  );
  if (cells.length <= MOST_CELLS) return cells;
  throw new MillraceError(
    'CONFIG_INVALID',
    `--latency and --concurrency make ${cells.length} measurements, it takes ${MOST_CELLS} at most`,
  );
}

function wrong(option: string, text: string, takes: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', `${option} is ${JSON.stringify(text)}, it takes ${takes}`);
}
