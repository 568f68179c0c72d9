/** A line chart as inline SVG: no script, colours by the page's style. Pure. */
import { escapeText } from './escape.ts';
import { type Scale, scaleFor, shortNumber } from './scale.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Which of the page's colours: series of one colour belong together. */
  readonly color: number;
  /** Dashed: of two lines of a colour. A bound is dotted and without marks, but a lone one. Default solid. */
  readonly line?: 'solid' | 'dashed' | 'bound';
}

export interface Chart {
  readonly title: string;
  readonly xName: string;
  readonly yName: string;
  readonly series: readonly Series[];
}

/** How many colours the page has. */
export const COLORS = 6;

/** In units of the view box: the page makes the text larger where the whole is drawn small, so there is room for it. */
const WIDTH = 560;
const HEIGHT = 320;
const LEFT = 68;
const RIGHT = 24;
const TOP = 14;
const BOTTOM = 54;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;

interface Axes {
  readonly x: Scale;
  readonly y: Scale;
}

/** The figure with its title and legend. Points that are no finite numbers are left out. */
export function lineChart({ title, xName, yName, series }: Chart): string {
  const shown = series
    .map((each) => ({ ...each, points: each.points.filter(isFinitePoint) }))
    .filter((each) => each.points.length > 0);
  const heading = `<figcaption>${escapeText(title)}</figcaption>`;
  if (shown.length === 0) return `<figure>${heading}<p>No figures.</p></figure>`;
  const points = shown.flatMap((each) => each.points);
  const axes = { x: scaleFor(points.map(({ x }) => x)), y: scaleFor(points.map(({ y }) => y)) };
  return [
    `<figure>${heading}`,
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeText(`${title}: ${yName} by ${xName}`)}">`,
    xAxis(axes.x, xName),
    yAxis(axes.y),
    ...shown.map((each) => drawSeries(each, axes)),
    '</svg>',
    `<p class="unit">${escapeText(`${yName}, by ${xName}${logNote(axes)}`)}</p>`,
    `<ul class="legend">${shown.map(legendEntry).join('')}</ul></figure>`,
  ].join('\n');
}

const isFinitePoint = ({ x, y }: Point): boolean => Number.isFinite(x) && Number.isFinite(y);
const place = (value: number): string => String(Math.round(value * 10) / 10);
const xOf = (scale: Scale, value: number): string => place(LEFT + scale.part(value) * PLOT_WIDTH);
const yOf = (scale: Scale, value: number): string => place(TOP + (1 - scale.part(value)) * PLOT_HEIGHT);

function logNote({ x, y }: Axes): string {
  const logs = [x.kind === 'log' ? 'across' : '', y.kind === 'log' ? 'upwards' : ''].filter(Boolean);
  return logs.length === 0 ? '' : ` (logarithmic ${logs.join(' and ')})`;
}

function xAxis(scale: Scale, name: string): string {
  const bottom = TOP + PLOT_HEIGHT;
  const ticks = scale.ticks.map((tick) => {
    const x = xOf(scale, tick);
    return `<path class="grid" d="M${x} ${TOP}V${bottom}"/><text x="${x}" y="${bottom + 21}" text-anchor="middle">${shortNumber(tick)}</text>`;
  });
  const label = `<text x="${LEFT + PLOT_WIDTH / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escapeText(name)}</text>`;
  return ticks.join('') + label;
}

function yAxis(scale: Scale): string {
  return scale.ticks
    .map((tick) => {
      const y = yOf(scale, tick);
      return `<path class="grid" d="M${LEFT} ${y}H${WIDTH - RIGHT}"/><text x="${LEFT - 6}" y="${y}" dy="0.35em" text-anchor="end">${shortNumber(tick)}</text>`;
    })
    .join('');
}

function drawSeries({ name, points, color, line = 'solid' }: Series, { x, y }: Axes): string {
  const sorted = [...points].sort((a, b) => a.x - b.x);
  const d = sorted.map((point, i) => `${i === 0 ? 'M' : 'L'}${xOf(x, point.x)} ${yOf(y, point.y)}`).join('');
  const path = `<path class="line ${line} c${color % COLORS}" d="${d}"/>`;
  if (line === 'bound' && sorted.length > 1) return path;
  const marks = sorted.map((point) => {
    const tip = `${name}: ${shortNumber(point.y)} at ${shortNumber(point.x)}`;
    return `<circle class="mark c${color % COLORS}" cx="${xOf(x, point.x)}" cy="${yOf(y, point.y)}" r="4"><title>${escapeText(tip)}</title></circle>`;
  });
  return path + marks.join('');
}

function legendEntry({ name, color, line = 'solid' }: Series): string {
  const sample = `<svg viewBox="0 0 28 8" aria-hidden="true"><path class="line ${line} c${color % COLORS}" d="M1 4H27"/></svg>`;
  return `<li>${sample}${escapeText(name)}</li>`;
}
