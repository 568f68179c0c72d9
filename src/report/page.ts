/** The page of a report: one HTML file that asks nothing of the network and has no script. Pure. */
import { escapeText } from './escape.ts';
import { STYLE } from './style.ts';

export interface Page {
  readonly title: string;
  /** What it comes to: plain text, a line each. */
  readonly findings?: readonly string[];
  /** Of what, and where: plain text, a paragraph each. */
  readonly notes: readonly string[];
  /** HTML made by this module: charts, tables, sections. */
  readonly parts: readonly string[];
}

/** The policy is held by the browser, whatever a text might smuggle in: nothing is loaded, nothing runs. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** The whole file. */
export function page({ title, findings = [], notes, parts }: Page): string {
  const found = findings.map((text) => `<li>${escapeText(text)}</li>`).join('\n');
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
${found === '' ? '' : `<ul class="findings">\n${found}\n</ul>`}
${paragraphs(notes)}
${parts.join('\n')}
</body>
</html>
`;
}

/** Plain text, a paragraph each. */
export function paragraphs(texts: readonly string[]): string {
  return texts.map((text) => `<p class="note">${escapeText(text)}</p>`).join('\n');
}

/** Parts under a heading of their own. */
export function section(title: string, parts: readonly string[]): string {
  return `<section><h2>${escapeText(title)}</h2>\n${parts.join('\n')}</section>`;
}

/** Smaller charts beside one another where there is room. */
export function beside(charts: readonly string[]): string {
  return `<div class="beside">${charts.join('\n')}</div>`;
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
