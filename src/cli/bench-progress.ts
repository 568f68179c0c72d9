/** How far a bench has come: one line that changes on a terminal, a line a cell elsewhere. */
import type { Figure } from '../bench/classify.ts';
import { number } from '../bench/results.ts';
import type { Step } from '../bench/run.ts';
import type { Cell } from '../bench/sweep.ts';

const CLEAR_LINE = '\r\x1b[K';

export interface BenchProgressOptions {
  readonly cells: number;
  readonly terminal: boolean;
  readonly write: (text: string) => void;
}

export class BenchProgress {
  readonly #options: BenchProgressOptions;
  #at = '';

  constructor(options: BenchProgressOptions) {
    this.#options = options;
  }

  step(step: Step): void {
    const { cells, terminal, write } = this.#options;
    switch (step.doing) {
      case 'cell':
        this.#at = `${step.number}/${cells}  ${cellText(step.cell)}`;
        if (terminal) write(`${CLEAR_LINE}${this.#at} …`);
        return;
      case 'done':
        write(`${terminal ? CLEAR_LINE : ''}${this.#at}: ${figureText(step.figure)}\n`);
        return;
      case 'emptying':
        if (terminal) write(`${CLEAR_LINE}emptying the queue …`);
        return;
      default:
        step satisfies never;
    }
  }

  /** Before anything else is printed. */
  end(): void {
    if (this.#options.terminal) this.#options.write(CLEAR_LINE);
  }
}

export function cellText({ latencyMs, concurrency, prefetch }: Cell): string {
  return `${latencyMs} ms, ${concurrency} ${concurrency === 1 ? 'slot' : 'slots'}, prefetch ${prefetch}`;
}

function figureText({ jobsPerSecond, cpuMicrosPerJob }: Figure): string {
  return `${number(jobsPerSecond)} jobs/s, ${number(cpuMicrosPerJob, 1)} µs a job`;
}
