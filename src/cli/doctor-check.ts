/** One check of `millrace doctor`, and how it is told. Pure. */
import { count } from './doctor-sum.ts';

export type Verdict = 'ok' | 'warn' | 'FAIL';

export interface Check {
  readonly name: string;
  readonly verdict: Verdict;
  /** What is so. */
  readonly text: string;
  /** What to do; of every warn and FAIL, unless the text has said it. */
  readonly todo?: string;
}

export const ok = (name: string, text: string): Check => ({ name, verdict: 'ok', text });

export const warn = (name: string, text: string, todo: string): Check => ({
  name,
  verdict: 'warn',
  text,
  todo,
});

/** 42 s, 17 min, 5 h, 12 days. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${count(Math.round(seconds))} s`;
  if (seconds < 7_200) return `${count(Math.round(seconds / 60))} min`;
  return seconds < 172_800
    ? `${count(Math.round(seconds / 3_600))} h`
    : `${count(Math.round(seconds / 86_400))} days`;
}

/** One line a check. */
export function checkText({ name, verdict, text, todo }: Check): string {
  return `${verdict.padEnd(4)}  ${name.padEnd(11)}  ${text}${todo === undefined ? '' : `: ${todo}`}`;
}
