/** How far a bench has come: one line that changes on a terminal, a line a run elsewhere. */
import type { Figure } from '../bench/classify.ts';
import { number } from '../bench/results.ts';
import type { Step } from '../bench/run.ts';
import type { Run } from '../bench/sweep.ts';

const CLEAR_LINE = '\r\x1b[K';

export interface BenchProgressOptions {
  /** All there are to be. */
  readonly runs: number;
  readonly rounds: number;
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
    const { runs, terminal, write } = this.#options;
    switch (step.doing) {
      case 'run':
        this.#at = `${step.number}/${runs}  ${this.#nameOf(step.run)}`;
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

  #nameOf({ latencyMs, concurrency, prefetch, round }: Run): string {
    const which = this.#options.rounds > 1 ? `, round ${round}` : '';
    return `${latencyMs} ms, ${concurrency} ${concurrency === 1 ? 'slot' : 'slots'}, prefetch ${prefetch}${which}`;
  }
}

function figureText({ jobsPerSecond, cpuMicrosPerJob }: Figure): string {
  return `${number(jobsPerSecond)} jobs/s, ${number(cpuMicrosPerJob, 1)} µs a job`;
}
