/** How far a load has come: a bar on a terminal, a line every few seconds elsewhere. */
import { number } from '../bench/results.ts';
import { type ScenarioResult, verdictOf } from '../load/results.ts';
import type { Step } from '../load/run.ts';
import type { Sized } from '../load/scenarios.ts';

const CLEAR_LINE = '\r\x1b[K';
const BAR_WIDTH = 24;
const LINE_EVERY_MS = 5_000;

export interface LoadProgressOptions {
  readonly terminal: boolean;
  readonly write: (text: string) => void;
  /** In ms; for tests. */
  readonly now?: () => number;
}

export class LoadProgress {
  readonly #options: LoadProgressOptions;
  readonly #now: () => number;
  #at = '';
  #size: Sized = { requests: 0, seconds: 0, perSecond: 0 };
  #startedAt = 0;
  #toldAt = 0;
  #said = '';

  constructor(options: LoadProgressOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  step(step: Step): void {
    switch (step.doing) {
      case 'scenario':
        this.#at = `${step.number}/${step.of}  ${step.name}`;
        this.#size = step.size;
        this.#startedAt = this.#now();
        this.#toldAt = this.#startedAt;
        this.#draw('starting');
        return;
      case 'count':
        this.#draw(`${bar(this.#partOf(step.answered))}  ${number(step.answered, 0)} answered`);
        return;
      case 'phase':
        this.#draw(step.text);
        return;
      case 'done':
        this.#stay(`${this.#at}: ${summary(step.result)}`);
        return;
      default:
        step satisfies never;
    }
  }

  /** Before anything else is printed. */
  end(): void {
    if (this.#options.terminal) this.#options.write(CLEAR_LINE);
  }

  #partOf(answered: number): number {
    const { requests, seconds, perSecond } = this.#size;
    if (requests > 0) return answered / requests;
    const all = seconds * perSecond;
    return all > 0 ? answered / all : (this.#now() - this.#startedAt) / (seconds * 1_000);
  }

  #draw(text: string): void {
    const { terminal, write } = this.#options;
    if (terminal) {
      write(`${CLEAR_LINE}${this.#at}  ${text}`);
      return;
    }
    if (text === this.#said || this.#now() - this.#toldAt < LINE_EVERY_MS) return;
    this.#toldAt = this.#now();
    this.#said = text;
    write(`${this.#at}  ${text}\n`);
  }

  #stay(text: string): void {
    this.#options.write(`${this.#options.terminal ? CLEAR_LINE : ''}${text}\n`);
  }
}

/** `[======      ]  50%` */
export function bar(part: number): string {
  const whole = Math.max(0, Math.min(1, part));
  const filled = Math.round(whole * BAR_WIDTH);
  return `[${'='.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}] ${String(Math.floor(whole * 100)).padStart(3)}%`;
}

function summary(result: ScenarioResult): string {
  return `${number(result.acceptedPerSecond, 0)} accepted/s; ${verdictOf(result)}`;
}
