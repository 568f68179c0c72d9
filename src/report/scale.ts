/** From values to places on an axis, and where its ticks go. Pure. */
import { clock, fullNumber, shortNumber } from './numbers.ts';

export interface Scale {
  readonly kind: 'linear' | 'log';
  readonly ticks: readonly number[];
  /** Of a value: 0 at the axis' beginning, 1 at its end. */
  part(value: number): number;
  /** Of a tick. */
  label(value: number): string;
}

/**
 * `auto`: logarithmic where all values are above 0 and spread widely, else linear from 0. `values`: logarithmic, with
 * the values themselves as ticks, for a few that somebody chose. `time`: seconds from 0.
 */
export type ScaleKind = 'auto' | 'linear' | 'log' | 'values' | 'time';

/** Values that spread wider than this are seen better by their ratios. */
const LOG_FROM_RATIO = 20;
const WANTED_TICKS = 5;
/** Tick labels collide when there are more … */
const MOST_LOG_TICKS = 8;
/** … or when they are nearer, in parts of the axis; it is that of a telephone. */
const LEAST_GAP = 0.11;
const ROUND_STEPS = [1, 2, 2.5, 5];
const TIME_STEPS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  ...[1, 2, 6, 12, 24].map((hours) => hours * 3600),
];

/** Where no value fits the kind (0 on a logarithmic axis), a linear one. */
export function scaleFor(values: readonly number[], kind: ScaleKind = 'auto'): Scale {
  const finite = values.filter(Number.isFinite);
  const most = Math.max(...finite);
  const above = finite.filter((value) => value > 0);
  const least = Math.min(...above);
  switch (kind) {
    case 'auto': {
      const wide = above.length > 0 && above.length === finite.length && most / least >= LOG_FROM_RATIO;
      return wide ? logScale(least, most) : linearScale(most);
    }
    case 'linear':
      return linearScale(most);
    case 'log':
      return above.length > 0 ? logScale(least, most) : linearScale(most);
    case 'values':
      return above.length > 0 ? valuesScale(above) : linearScale(most);
    case 'time':
      return timeScale(most);
    default:
      return kind satisfies never;
  }
}

/** From 0 to the first round number that takes in `most`. */
export function linearScale(most: number): Scale {
  const end = most > 0 && Number.isFinite(most) ? most : 1;
  const step = roundStep(end / WANTED_TICKS);
  const count = Math.ceil(end / step - 1e-9);
  // Multiplied, not added up: 0.1 + 0.2 would be shown.
  const ticks = Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
  return { kind: 'linear', ticks, part: (value) => value / (count * step), label: shortNumber };
}

/** Between round numbers (1, 2, 5, 10 …) around both; of a wide span the powers of ten are ticks only. */
export function logScale(least: number, most: number): Scale {
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(least)) - 1; power <= Math.ceil(Math.log10(most)) + 1; power += 1) {
    for (const digit of [1, 2, 5]) all.push(Number((digit * 10 ** power).toPrecision(12)));
  }
  let first = all.findLast((tick) => tick <= least)!;
  let last = all.find((tick) => tick >= most)!;
  // A lone round number stands in the middle, not on both ends.
  if (first === last) [first, last] = [all[all.indexOf(first) - 1]!, all[all.indexOf(last) + 1]!];
  const inside = all.filter((tick) => tick >= first && tick <= last);
  const powers = inside.filter((tick) => Number.isInteger(Math.log10(tick)));
  return {
    kind: 'log',
    ticks: inside.length > MOST_LOG_TICKS ? powers : inside,
    part: (value) => Math.log(value / first) / Math.log(last / first),
    label: shortNumber,
  };
}

/** Logarithmic, a tick a value where they do not collide, and some room at both ends. All are above 0. */
export function valuesScale(values: readonly number[]): Scale {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const [least, most] = [sorted[0]!, sorted.at(-1)!];
  const room = 0.04;
  const span = Math.log(most / least);
  const part = (value: number): number =>
    span === 0 ? 0.5 : room + (1 - 2 * room) * (Math.log(value / least) / span);
  // The last one is the largest, which must be named; of the others those that leave room for the next.
  const ticks: number[] = [most];
  for (const value of sorted.slice(0, -1).reverse()) {
    if (part(ticks[0]!) - part(value) >= LEAST_GAP) ticks.unshift(value);
  }
  return { kind: 'log', ticks, part, label: fullNumber };
}

/** Seconds from 0 to the very end: ticks where a clock has them. */
export function timeScale(most: number): Scale {
  const end = most > 0 && Number.isFinite(most) ? most : 1;
  const step =
    TIME_STEPS.find((each) => end / each <= WANTED_TICKS + 1) ??
    86_400 * Math.ceil(end / 86_400 / WANTED_TICKS);
  const count = Math.floor(end / step + 1e-9);
  const ticks = Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
  return { kind: 'linear', ticks, part: (value) => value / end, label: clock };
}

function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  const digit = ROUND_STEPS.find((each) => each * power >= step * 0.999) ?? 10;
  return digit * power;
}
