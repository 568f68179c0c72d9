/** Reports in a real browser: Debian's chromium, headless, driven by playwright-core, which brings none of its own. */
import { accessSync, constants, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { describe } from 'vitest';
import { noteLeftOut } from '../helpers/left-out.ts';

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome'];

export function chromiumOnPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return COMMANDS.flatMap((command) => folders.map((folder) => join(folder, command))).find(isExecutable);
}

/** Tests that need it; left out, and noted, where there is none (an error in .ci/run). */
export function describeChromium(name: string, cases: () => void): void {
  const there = chromiumOnPath() !== undefined;
  const reason = `none of ${COMMANDS.join(', ')} is on the PATH`;
  if (!there && process.env.REQUIRE_CHROMIUM === '1') {
    throw new Error(`REQUIRE_CHROMIUM=1, but ${name} cannot run: ${reason}`);
  }
  if (!there) noteLeftOut(`${name}: ${reason}`);
  describe.skipIf(!there)(name, cases);
}

export function launchChromium(): Promise<Browser> {
  // Its sandbox refuses root; containers have a /dev/shm that is too small for it.
  const args = ['--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
  const executablePath = chromiumOnPath();
  if (executablePath === undefined) throw new Error('there is no chromium');
  return chromium.launch({ executablePath, args });
}

export interface Screen {
  readonly width: number;
  readonly colorScheme: 'light' | 'dark';
}

export interface Opened extends AsyncDisposable {
  readonly page: Page;
  /** What the page, the console or the browser complained of. */
  readonly complaints: readonly string[];
  /** All that was asked for, the file itself included. */
  readonly requests: readonly string[];
}

/** The page from its file, as a user opens it. */
export async function openFile(browser: Browser, file: string, html: string): Promise<Opened> {
  writeFileSync(file, html);
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(pathToFileURL(file).href);
  return { page, complaints, requests, [Symbol.asyncDispose]: () => context.close() };
}

export async function showOn(page: Page, { width, colorScheme }: Screen): Promise<void> {
  await page.setViewportSize({ width, height: 800 });
  await page.emulateMedia({ colorScheme });
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
