/** From values to places on an axis, and where its ticks go. Pure. */

export interface Scale {
  readonly kind: 'linear' | 'log';
  readonly ticks: readonly number[];
  /** Of a value: 0 at the axis' beginning, 1 at its end. */
  part(value: number): number;
}

/** Values that spread wider than this are seen better by their ratios. */
const LOG_FROM_RATIO = 20;
const WANTED_TICKS = 5;
/** Tick labels collide when there are more. */
const MOST_LOG_TICKS = 8;

/** A log axis where all values are above 0 and spread widely, else a linear one that begins at 0. */
export function scaleFor(values: readonly number[]): Scale {
  const finite = values.filter(Number.isFinite);
  const least = Math.min(...finite);
  const most = Math.max(...finite);
  return least > 0 && most / least >= LOG_FROM_RATIO ? logScale(least, most) : linearScale(most);
}

/** From 0 to the first round number that takes in `most`. */
export function linearScale(most: number): Scale {
  const end = most > 0 && Number.isFinite(most) ? most : 1;
  const step = roundStep(end / WANTED_TICKS);
  const count = Math.ceil(end / step - 1e-9);
  // Multiplied, not added up: 0.1 + 0.2 would be shown.
  const ticks = Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
  return { kind: 'linear', ticks, part: (value) => value / (count * step) };
}

/** Between round numbers (1, 2, 5, 10 …) around both; of a wide span the powers of ten are ticks only. */
export function logScale(least: number, most: number): Scale {
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power += 1) {
    for (const digit of [1, 2, 5]) all.push(Number((digit * 10 ** power).toPrecision(12)));
  }
  const first = all.findLast((tick) => tick <= least) ?? least;
  const last = all.find((tick) => tick >= most) ?? most;
  const span = Math.log(last / first) || 1;
  const inside = all.filter((tick) => tick >= first && tick <= last);
  const powers = inside.filter((tick) => Number.isInteger(Math.log10(tick)));
  return {
    kind: 'log',
    ticks: inside.length > MOST_LOG_TICKS ? powers : inside,
    part: (value) => Math.log(value / first) / span,
  };
}

function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  const digit = [1, 2, 5].find((each) => each * power >= step * 0.999) ?? 10;
  return digit * power;
}

/** `12k`, `1.5M`, `0.2`: short enough for an axis. */
export function shortNumber(value: number): string {
  const format = (scaled: number): string => String(Number(scaled.toPrecision(3)));
  if (Math.abs(value) >= 1e6) return `${format(value / 1e6)}M`;
  return Math.abs(value) >= 1e3 ? `${format(value / 1e3)}k` : format(value);
}
