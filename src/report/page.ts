/** The page of a report: one HTML file that asks nothing of the network and has no script. Pure. */
import { escapeText } from './escape.ts';

export interface Page {
  readonly title: string;
  /** Plain text, a paragraph each. */
  readonly intro: readonly string[];
  /** HTML made by this module: charts, tables. */
  readonly parts: readonly string[];
}

/** The policy is held by the browser, whatever a text might smuggle in: nothing is loaded, nothing runs. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE = `
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1f24; --faint: #5b636d; --grid: #e1e4e8;
  --c0: #0b62d6; --c1: #c2410c; --c2: #15803d; --c3: #8b3fc7; --c4: #a16207; --c5: #be185d; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --ink: #e8eaed; --faint: #a4acb6; --grid: #30363d;
  --c0: #6cb0ff; --c1: #ff9a5c; --c2: #5dd58a; --c3: #cf9bff; --c4: #e5c04f; --c5: #ff8fbb; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; line-height: 1.25; }
figure { margin: 2rem 0; }
figcaption { font-weight: 600; margin-bottom: .25rem; }
figure > svg { display: block; width: 100%; max-width: 44rem; height: auto; }
svg text { fill: var(--faint); font-size: 13px; }
@media (max-width: 36rem) { svg text { font-size: 20px; } }
.unit { color: var(--faint); font-size: .85rem; margin: .25rem 0; }
.grid { stroke: var(--grid); fill: none; }
.line { fill: none; stroke-width: 2; }
.dashed { stroke-dasharray: 7 4; }
.bound { stroke-dasharray: 1 5; stroke-linecap: round; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0; padding: 0; list-style: none; font-size: .85rem; }
.legend svg { width: 28px; height: 8px; margin-right: .4rem; vertical-align: middle; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--grid); text-align: right; vertical-align: top; white-space: nowrap; }
th { color: var(--faint); font-weight: 600; }
.text { text-align: left; white-space: normal; min-width: 16rem; }
${[0, 1, 2, 3, 4, 5].map((i) => `path.c${i} { stroke: var(--c${i}); } circle.c${i} { fill: var(--c${i}); }`).join('\n')}
`;

/** The whole file. */
export function page({ title, intro, parts }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeText(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeText(title)}</h1>
${intro.map((text) => `<p>${escapeText(text)}</p>`).join('\n')}
${parts.join('\n')}
</body>
</html>
`;
}

/** Numbers stand to the right, the columns in `textColumns` to the left; wider than the page, it scrolls by itself. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  textColumns: readonly number[] = [],
): string {
  const row = (tag: 'th' | 'td', cells: readonly string[]): string =>
    `<tr>${cells
      .map(
        (cell, i) => `<${tag}${textColumns.includes(i) ? ' class="text"' : ''}>${escapeText(cell)}</${tag}>`,
      )
      .join('')}</tr>`;
  // Reachable by keyboard, so that it can be scrolled without a mouse.
  return `<div class="scroll" tabindex="0"><table><thead>${row('th', header)}</thead><tbody>
${rows.map((cells) => row('td', cells)).join('\n')}
</tbody></table></div>`;
}
