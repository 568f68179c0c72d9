import { afterAll } from 'vitest';
import { stopAllProcesses } from './process.ts';

/** Set-up of each system test file: no process outlives the file that started it. */
afterAll(async () => {
  const left = await stopAllProcesses();
  if (left.length > 0) console.warn(`killed what the tests left running: ${left.join('; ')}`);
});
