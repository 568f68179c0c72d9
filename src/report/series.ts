/** What a chart draws, and how its lines look. Pure. */
import type { Scale } from './scale.ts';

export interface Point {
  readonly x: number;
  /** What is no finite number is a gap in the line. */
  readonly y: number;
  /** How far it spread: a bar through the mark, or a band along a line without marks. */
  readonly low?: number;
  readonly high?: number;
}

/** A bound is dotted and without marks; of one point it goes all across. Dashed: of two lines of a colour. */
export type LineKind = 'solid' | 'dashed' | 'bound';

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Which of the page's colours: series of one colour belong together. undefined: none of them, as text has. */
  readonly color: number | undefined;
  /** Default solid. */
  readonly line?: LineKind;
}

/** What a line of a kind and colour is called. */
export type Sample = Pick<Series, 'name' | 'color' | 'line'>;

export interface Axes {
  readonly x: Scale;
  readonly y: Scale;
}

/** How many colours the page has. */
export const COLORS = 6;

export const colorClass = (color: number | undefined): string =>
  color === undefined ? 'ink' : `c${color % COLORS}`;

export const percent = (part: number): string => `${Math.round(part * 10_000) / 100}%`;

/** A short piece of the line, as text. */
export function sampleOf({ color, line = 'solid' }: Sample): string {
  return `<i class="sample ${line} ${colorClass(color)}"></i>`;
}
