/** The style of all reports: light and dark, from a telephone's width up, on paper. */
import { COLORS } from './series.ts';

/** Colours that keep apart on both grounds, each at 4.5:1 or more. */
const LIGHT = ['#0b62d6', '#c2410c', '#15803d', '#8b3fc7', '#8a5a00', '#be185d'];
const DARK = ['#6cb0ff', '#ff9a5c', '#5dd58a', '#cf9bff', '#e5c04f', '#ff8fbb'];

const variables = (colors: readonly string[]): string =>
  colors.map((color, i) => `--color${i}: ${color};`).join(' ');
const classes = Array.from({ length: COLORS }, (_, i) => `.c${i} { --c: var(--color${i}); }`).join('\n');

export const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --raised: #fff; --ink: #1b1f24; --faint: #5b636d; --grid: #e4e7eb;
  --edge: #b9c0c8; ${variables(LIGHT)} }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --raised: #1f2429; --ink: #e8eaed; --faint: #a4acb6;
  --grid: #2a3036; --edge: #59626c; ${variables(DARK)} } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 74rem; padding: 1.25rem 1rem 3rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 2.5rem 0 .5rem; }
p { margin: .5rem 0; }
.note { color: var(--faint); font-size: .875rem; max-width: 48rem; }
.findings { margin: 1rem 0; padding-left: 1.2rem; max-width: 48rem; }
.findings li { margin: .3rem 0; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); column-gap: 2rem; }
.beside > * { min-width: 0; }
figure { margin: 1.75rem 0; break-inside: avoid; }
figcaption { font-weight: 600; }
.unit { color: var(--faint); font-weight: 400; font-size: .875rem; margin-left: .35rem; }
.plot { position: relative; height: 19rem; margin: .9rem .75rem 1.75rem 3.25rem; }
.beside .plot { height: 15rem; }
.plot > svg { display: block; width: 100%; height: 100%; overflow: visible; }
.plot path { vector-effect: non-scaling-stroke; fill: none; stroke-linejoin: round; stroke-linecap: round; }
.tick, .x-name { font-size: .8125rem; line-height: 1; color: var(--faint); font-variant-numeric: tabular-nums; }
.tick { position: absolute; white-space: nowrap; }
.tick.x { top: 100%; margin-top: .5rem; transform: translateX(-50%); }
.tick.y { right: 100%; margin-right: .5rem; transform: translateY(50%); }
.x-name { margin: 0 .75rem .9rem 3.25rem; text-align: center; }
.ink { --c: var(--faint); }
${classes}
.plot .grid { stroke: var(--grid); }
.plot .axis { stroke: var(--edge); stroke-linecap: butt; }
.plot .line { stroke: var(--c); stroke-width: 2; }
.plot .dashed { stroke-dasharray: 6 5; }
.plot .bound { stroke-dasharray: .1 5; stroke-width: 2.5; }
.plot .mark { stroke: var(--c); stroke-width: 8; }
.plot .hole { stroke: var(--ground); stroke-width: 4; }
.plot .spread { stroke: var(--c); stroke-width: 4; stroke-opacity: .4; stroke-linecap: butt; }
.plot .band { fill: var(--c); fill-opacity: .18; }
.readout { position: absolute; inset: 0; }
.at { position: absolute; top: 0; bottom: 0; outline: 0; }
.at:is(:hover, :focus)::before { content: ""; position: absolute; left: var(--at); top: 0; bottom: 0; border-left: 1px solid var(--faint); }
.tip { display: none; position: absolute; top: calc(100% + 1.75rem); z-index: 1; width: max-content; max-width: 100%;
  padding: .4rem .65rem; background: var(--raised); border: 1px solid var(--edge); border-radius: .35rem; pointer-events: none;
  font-size: .8125rem; line-height: 1.45; font-variant-numeric: tabular-nums; box-shadow: 0 .25rem .75rem rgb(0 0 0 / .18); }
.tip p { margin: 0; }
.at:hover + .tip, .readout:not(:hover) .at:focus + .tip { display: block; }
.sample { display: inline-block; width: 1.75rem; margin-right: .45rem; border-top: 2px solid var(--c); vertical-align: .25em; }
.sample.dashed { border-top-style: dashed; }
.sample.bound { border-top: 3px dotted var(--c); }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.25rem; margin: 0 0 0 3.25rem; padding: 0; list-style: none; font-size: .875rem; }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.4; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--grid); text-align: right; vertical-align: top; white-space: nowrap; }
th { color: var(--faint); font-weight: 600; border-bottom-color: var(--edge); }
th:first-child, td:first-child { padding-left: 0; }
.text { text-align: left; white-space: normal; min-width: 16rem; }
@media (max-width: 36rem) { .plot { height: 15rem; margin-left: 2.9rem; } .x-name { margin-left: 2.9rem; } .legend { margin-left: 0; } .text { white-space: nowrap; } }
@media print { .readout { display: none; } body { max-width: none; } }
`;
