/** Reports as users open them: from a file, in a browser, on a wide screen and on a telephone, light and dark. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeChromium, launchChromium, openFile, type Screen, showOn } from '../report/chromium.ts';
import { type Box, LOOK, type Look, type Plot } from '../report/look.ts';
import { benchReport, loadReport } from '../report/samples.ts';

const SCREENS: readonly Screen[] = [1200, 360].flatMap((width) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
);
const REPORTS = [
  { name: 'bench', html: benchReport, plots: 3 },
  { name: 'bench of one cell', html: () => benchReport([50], [100], 1), plots: 3 },
  { name: 'load', html: loadReport, plots: 4 },
];

const meet = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
/** By so many px: half a line's width, and what was rounded. */
const within = (inner: Box, outer: Box, by = 6): boolean =>
  inner.left >= outer.left - by &&
  inner.right <= outer.right + by &&
  inner.top >= outer.top - by &&
  inner.bottom <= outer.bottom + by;

describeChromium('HTML reports in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-report-'));
  const file = join(folder, 'report.html');
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(REPORTS)('$name: drawn, legible, and nothing asked for', async ({ html, plots }) => {
    await using opened = await openFile(browser, file, html());
    for (const screen of SCREENS) {
      await showOn(opened.page, screen);
      const look = await opened.page.evaluate<Look>(LOOK);
      const on = `${screen.width} px, ${screen.colorScheme}`;
      expect(look.pageWidth, on).toBe(screen.width);
      expect(look.plots, on).toHaveLength(plots);
      for (const plot of look.plots) expectDrawn(plot, screen.width, `${plot.title}, ${on}`);
      expect(look.texts.filter(({ size }) => size < 12)).toEqual([]);
      expect(look.texts.filter(({ contrast }) => contrast < 4.5)).toEqual([]);
    }
    expect(opened.complaints).toEqual([]);
    expect(opened.requests).toEqual([pathToFileURL(file).href]);
  });

  it('has a dark face and a light one', async () => {
    await using opened = await openFile(browser, file, loadReport(10));
    const grounds: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await showOn(opened.page, { width: 1200, colorScheme });
      grounds.push((await opened.page.evaluate<Look>(LOOK)).ground);
    }
    expect(grounds).toEqual(['rgb(255, 255, 255)', 'rgb(20, 23, 26)']);
  });

  it('tells the values of where one points, inside any width', async () => {
    await using opened = await openFile(browser, file, benchReport());
    const { page } = opened;
    for (const [width, part, slots] of [
      [1200, 0.01, '50 slots'],
      [1200, 0.99, '1,000 slots'],
      [360, 0.01, '50 slots'],
      [360, 0.99, '1,000 slots'],
    ] as const) {
      await showOn(page, { width, colorScheme: 'light' });
      const plot = page.locator('.plot').first();
      await plot.scrollIntoViewIfNeeded();
      const box = (await plot.boundingBox())!;
      await page.mouse.move(box.x + box.width * part, box.y + box.height / 2);
      const { tips, pageWidth, texts } = await page.evaluate<Look>(LOOK);
      expect(tips.map(({ text }) => text)).toEqual([expect.stringContaining(slots)]);
      expect(tips[0]!.text).toMatch(/50 ms, prefetch auto: [\d,]+ \([\d,]+–[\d,]+\)/);
      expect([tips[0]!.left >= 0, tips[0]!.right <= width, pageWidth]).toEqual([true, true, width]);
      expect(texts.filter(({ size }) => size < 12)).toEqual([]);
    }
  });
});

function expectDrawn({ title, box, lines, ticks }: Plot, width: number, where: string): void {
  expect(within(box, { left: 0, right: width, top: 0, bottom: Number.POSITIVE_INFINITY }, 0), where).toBe(
    true,
  );
  expect([box.right - box.left > 200, box.bottom - box.top > 150], where).toEqual([true, true]);
  expect(lines.length, where).toBeGreaterThan(0);
  for (const line of lines) {
    expect(within(line.box, box), where).toBe(true);
    expect(line.contrast, where).toBeGreaterThan(3);
    expect(line.points === 1 || line.length > 0, where).toBe(true);
  }
  // Something goes from one side to the other, unless all there is is a point.
  const widest = Math.max(...lines.map((line) => line.box.right - line.box.left));
  if (lines.some(({ points }) => points > 1))
    expect(widest / (box.right - box.left), title).toBeGreaterThan(0.9);
  expect(ticks.length, where).toBeGreaterThan(2);
  for (const tick of ticks) {
    const others = ticks.filter((other) => other !== tick && meet(tick, other)).map(({ text }) => text);
    expect(others, `${where}: ${tick.text} is written over`).toEqual([]);
    expect([tick.left >= 0, tick.right <= width], `${where}: ${tick.text}`).toEqual([true, true]);
  }
}
