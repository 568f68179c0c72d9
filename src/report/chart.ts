/**
 * A line chart: the lines are SVG that is stretched over whatever room there is, the text around it is HTML, so it has
 * its own size on any screen. No script; colours by the page's style. Pure.
 */
import { escapeText } from './escape.ts';
import { readout } from './readout.ts';
import { type Scale, type ScaleKind, scaleFor } from './scale.ts';
import { type Axes, colorClass, type Point, percent, type Sample, type Series, sampleOf } from './series.ts';

export interface Axis {
  /** With its unit where it has one. */
  readonly name: string;
  /** Default auto. */
  readonly kind?: ScaleKind;
}

export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Default: an entry a series. Shorter where colour and kind of line each mean something. */
  readonly legend?: readonly Sample[];
}

/** Of the view box, in both directions. */
const UNITS = 1000;
/** More marks than this are a thick line. */
const MOST_MARKS = 40;

/** The figure with its title, legend, and the values of where one points. */
export function lineChart({ title, x, y, series, legend }: Chart): string {
  const isLog = y.kind === 'log';
  const shown = series
    .map((each) => ({ ...each, points: sorted(each.points, isLog) }))
    .filter(({ points }) => points.some(isDrawn));
  if (shown.length === 0) {
    return `<figure><figcaption>${escapeText(title)}</figcaption><p>No figures.</p></figure>`;
  }
  const points = shown.flatMap((each) => each.points).filter(isDrawn);
  // What was measured has the ticks; a bound has points of its own in between.
  const measured = shown.filter(({ line }) => line !== 'bound').flatMap((each) => each.points);
  const xs = (x.kind === 'values' && measured.length > 0 ? measured : points).map((point) => point.x);
  const ys = points.flatMap(({ y, low = y, high = y }) => [low, y, high]);
  const axes: Axes = { x: scaleFor(xs, x.kind), y: scaleFor(ys, y.kind) };
  const name = (axis: Axis, { kind }: Scale): string =>
    kind === 'log' ? `${axis.name}, logarithmic` : axis.name;
  return [
    `<figure><figcaption>${escapeText(title)} <span class="unit">${escapeText(name(y, axes.y))}</span></figcaption>`,
    '<div class="plot">',
    `<svg viewBox="0 0 ${UNITS} ${UNITS}" preserveAspectRatio="none" role="img" aria-label="${escapeText(`${title}: ${y.name} by ${x.name}`)}">`,
    grid(axes),
    ...shown.map((each) => drawSeries(each, axes)),
    '</svg>',
    labels(axes),
    readout(shown, axes, (value) =>
      x.kind === 'time' ? axes.x.label(value) : `${axes.x.label(value)} ${x.name}`,
    ),
    `</div><p class="x-name">${escapeText(name(x, axes.x))}</p>`,
    `<ul class="legend">${(legend ?? shown).map((each) => `<li>${sampleOf(each)}${escapeText(each.name)}</li>`).join('')}</ul></figure>`,
  ].join('\n');
}

/** On an axis that is to be logarithmic 0 is a gap, and no spread reaches down to it. */
function sorted(points: readonly Point[], isLog: boolean): Point[] {
  const onLog = (point: Point): Point => {
    if (point.y <= 0) return { ...point, y: Number.NaN };
    return point.low !== undefined && point.low <= 0 ? { ...point, low: point.y } : point;
  };
  return points
    .filter(({ x }) => Number.isFinite(x))
    .map((point) => (isLog ? onLog(point) : point))
    .sort((a, b) => a.x - b.x);
}

const isDrawn = ({ y }: Point): boolean => Number.isFinite(y);
const place = (part: number): string => String(Math.round(part * UNITS * 10) / 10);
const xOf = ({ x }: Axes, value: number): string => place(x.part(value));
const yOf = ({ y }: Axes, value: number): string => place(1 - y.part(value));

function grid(axes: Axes): string {
  const vertical = axes.x.ticks.map((tick) => `M${xOf(axes, tick)} 0V${UNITS}`);
  const horizontal = axes.y.ticks.map((tick) => `M0 ${yOf(axes, tick)}H${UNITS}`);
  return `<path class="grid" d="${[...vertical, ...horizontal].join('')}"/><path class="axis" d="M0 0V${UNITS}H${UNITS}"/>`;
}

function labels({ x, y }: Axes): string {
  const label = (axis: string, side: string, part: number, text: string): string =>
    `<span class="tick ${axis}" style="${side}:${percent(part)}">${escapeText(text)}</span>`;
  return [
    ...x.ticks.map((tick) => label('x', 'left', x.part(tick), x.label(tick))),
    ...y.ticks.map((tick) => label('y', 'bottom', y.part(tick), y.label(tick))),
  ].join('');
}

function drawSeries({ points, color, line = 'solid' }: Series, axes: Axes): string {
  const drawn = points.filter(isDrawn);
  const css = colorClass(color);
  const path = `<path class="line ${line} ${css}" d="${lineOf(points, axes)}"/>`;
  const dense = drawn.length > MOST_MARKS;
  if (dense) return bandOf(points, axes, css) + path;
  if (line === 'bound') return drawn.length > 1 ? path : acrossAt(drawn[0]!.y, axes, css);
  const bars = drawn
    .filter(({ low, high }) => low !== undefined && high !== undefined)
    .map(({ x, low, high }) => `M${xOf(axes, x)} ${yOf(axes, low!)}V${yOf(axes, high!)}`);
  const spread = bars.length > 0 ? `<path class="spread ${css}" d="${bars.join('')}"/>` : '';
  // A line of no length with round ends: a circle that stays round however the chart is stretched.
  const dots = drawn.map(({ x, y }) => `M${xOf(axes, x)} ${yOf(axes, y)}h0`).join('');
  const hole = line === 'dashed' ? `<path class="hole" d="${dots}"/>` : '';
  return `${spread}${path}<path class="mark ${css}" d="${dots}"/>${hole}`;
}

/** A mark would look as if it had been measured. */
function acrossAt(y: number, axes: Axes, css: string): string {
  return `<path class="line bound ${css}" d="M0 ${yOf(axes, y)}H${UNITS}"/>`;
}

/** Begins anew after each gap; a point alone between gaps is a dot. */
function lineOf(points: readonly Point[], axes: Axes): string {
  return points
    .map((point, i) => {
      if (!isDrawn(point)) return '';
      const at = `${xOf(axes, point.x)} ${yOf(axes, point.y)}`;
      const [before, after] = [points[i - 1], points[i + 1]];
      if (before && isDrawn(before)) return `L${at}`;
      return after && isDrawn(after) ? `M${at}` : `M${at}h0`;
    })
    .join('');
}

/** From the low ends out and along the high ends back, a piece between gaps each. */
function bandOf(points: readonly Point[], axes: Axes, css: string): string {
  const pieces: Point[][] = [[]];
  for (const point of points) {
    if (isDrawn(point) && point.low !== undefined && point.high !== undefined) pieces.at(-1)!.push(point);
    else pieces.push([]);
  }
  const shapes = pieces
    .filter((piece) => piece.length > 1)
    .map((piece) => {
      const out = piece.map(({ x, low }) => `${xOf(axes, x)} ${yOf(axes, low!)}`);
      const back = piece.map(({ x, high }) => `${xOf(axes, x)} ${yOf(axes, high!)}`).reverse();
      return `M${[...out, ...back].join('L')}Z`;
    });
  return shapes.length > 0 ? `<path class="band ${css}" d="${shapes.join('')}"/>` : '';
}
