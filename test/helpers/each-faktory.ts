import { describe } from 'vitest';
import { startEmbeddedFaktory } from './embedded-faktory.ts';
import type { RunningFaktory } from './faktory-process.ts';
import { noteLeftOut } from './left-out.ts';
import {
  type FaktoryVersion,
  realFaktoryAvailable,
  startRealFaktory,
  whyNoRealFaktory,
} from './real-faktory.ts';

export interface FaktoryUnderTest {
  readonly kind: 'embedded' | 'real';
  /** Starts a fresh one. Use it with `await using`, or stop it. */
  start(options?: { password?: string; port?: number }): Promise<RunningFaktory>;
}

const EMBEDDED: FaktoryUnderTest = { kind: 'embedded', start: startEmbeddedFaktory };

/**
 * Whole-system tests, run on the embedded Faktory and on the real one, both as processes of their own. Where the
 * real one cannot run its half is marked skipped and the end of the run says so.
 */
export function describeOnEachFaktory(name: string, cases: (faktory: FaktoryUnderTest) => void): void {
  describe(`${name} (embedded Faktory)`, () => cases(EMBEDDED));
  describeOnRealFaktory(name, (version) =>
    cases({ kind: 'real', start: (options) => startRealFaktory({ ...options, version }) }),
  );
}

/** Tests that only the real Faktory can pass, or whose point it is. Default: 1.10.0 alone. */
export function describeOnRealFaktory(
  name: string,
  cases: (version: FaktoryVersion) => void,
  versions: readonly FaktoryVersion[] = ['1.10.0'],
): void {
  for (const version of versions) {
    const title = `${name} (Faktory ${version})`;
    const available = realFaktoryAvailable(version);
    if (!available) noteLeftOut(`${title}: ${whyNoRealFaktory(version)}`);
    describe.skipIf(!available)(title, () => cases(version));
  }
}
