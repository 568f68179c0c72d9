import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectLeftOutIn, leftOut } from './left-out.ts';
import { buildRealFaktory } from './real-faktory-build.ts';

/**
 * Global set-up of the system tests: builds the real Faktory once, where Go is there, and says in one line at the
 * end what was left out for want of it. That the build failed is no error by itself: whether its absence is one
 * is for `realFaktoryAvailable` to say.
 */
export default async function setUp(): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-left-out-'));
  collectLeftOutIn(join(folder, 'lines'));
  try {
    const printed = await buildRealFaktory();
    if (printed) console.log(printed);
  } catch (error) {
    console.warn(String(error));
  }
  return () => {
    const missing = leftOut();
    if (missing.length > 0) {
      console.warn(`\nLEFT OUT for want of other programs (CONTRIBUTING.md): ${missing.join('; ')}`);
    }
    rmSync(folder, { recursive: true, force: true });
  };
}
