import { appendFileSync, readFileSync } from 'node:fs';

/** Names the file in which test processes note what they left out; set by the system project's global set-up. */
const FILE_VARIABLE = 'MILLRACE_LEFT_OUT_FILE';

export function collectLeftOutIn(file: string): void {
  process.env[FILE_VARIABLE] = file;
}

/** Notes tests that do not run here. Told at once where no global set-up collects them. */
export function noteLeftOut(what: string): void {
  const file = process.env[FILE_VARIABLE];
  if (file === undefined) console.warn(`LEFT OUT: ${what}`);
  else appendFileSync(file, `${what}\n`);
}

/** All that was noted, each once. */
export function leftOut(): string[] {
  try {
    const lines = readFileSync(process.env[FILE_VARIABLE] ?? '', 'utf8').split('\n');
    return [...new Set(lines.filter((line) => line !== ''))];
  } catch {
    return [];
  }
}
