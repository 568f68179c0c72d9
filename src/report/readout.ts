/** What all lines are at, where one points: strips over the plot, whose tips the page's style shows. No script. Pure. */
import { escapeText } from './escape.ts';
import { fullNumber } from './numbers.ts';
import { type Axes, type Point, percent, type Series, sampleOf } from './series.ts';

/** Strips are a pixel or three wide on a telephone, and the page stays small. */
const MOST_STRIPS = 120;

export function readout(series: readonly Series[], axes: Axes, nameOf: (x: number) => string): string {
  // A bound has points of its own between those that were measured.
  const measured = series.filter(({ line }) => line !== 'bound');
  const xs = thinned(valuesOf(measured.length > 0 ? measured : series));
  const byX = series.map(({ points }) => new Map(points.map((point) => [point.x, point])));
  const parts = xs.map((x) => axes.x.part(x));
  const strips = xs.map((x, i) => {
    const at = parts[i]!;
    const from = i === 0 ? 0 : (parts[i - 1]! + at) / 2;
    const to = i === xs.length - 1 ? 1 : (at + parts[i + 1]!) / 2;
    const rows = series.map((each, n) => rowOf(each, byX[n]!.get(x))).join('');
    const within = to > from ? percent((at - from) / (to - from)) : '0%';
    // Moved back by the same part of its own width: it never stands out of the plot.
    return [
      `<div class="at" tabindex="-1" style="left:${percent(from)};width:${percent(to - from)};--at:${within}"></div>`,
      `<div class="tip" style="left:${percent(at)};transform:translateX(-${percent(at)})"><b>${escapeText(nameOf(x))}</b>${rows}</div>`,
    ].join('');
  });
  return `<div class="readout" aria-hidden="true">${strips.join('\n')}</div>`;
}

function rowOf(series: Series, point: Point | undefined): string {
  if (point === undefined || !Number.isFinite(point.y)) return '';
  const { y, low, high } = point;
  const spread = low === undefined || high === undefined ? '' : ` (${fullNumber(low)}–${fullNumber(high)})`;
  return `<p>${sampleOf(series)}${escapeText(series.name)}: <b>${fullNumber(y)}</b>${spread}</p>`;
}

const valuesOf = (series: readonly Series[]): number[] =>
  [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);

function thinned(values: readonly number[]): number[] {
  const every = Math.ceil(values.length / MOST_STRIPS);
  return values.filter((_, i) => i % every === 0);
}
