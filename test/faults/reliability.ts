/**
 * `npm run reliability [folder]`: writes the figures of the last run into RELIABILITY.md and leaves its prose alone.
 * The folder (default: what MILLRACE_LEDGERS names) holds what the tests' ledgers have written:
 *
 *     MILLRACE_LEDGERS=reports/ledgers npm run test:faults && npm run reliability reports/ledgers
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LedgerReport } from './ledger.ts';
import { withFigures } from './reliability-table.ts';

const PAGE = fileURLToPath(new URL('../../RELIABILITY.md', import.meta.url));

const folder = process.argv[2] ?? process.env.MILLRACE_LEDGERS;
if (folder === undefined) {
  console.error('npm run reliability: name the folder of the ledgers, or set MILLRACE_LEDGERS');
  process.exit(1);
}
const reports = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as LedgerReport);
const { page, missing } = withFigures(readFileSync(PAGE, 'utf8'), reports);
writeFileSync(PAGE, page);
console.log(`RELIABILITY.md: the figures of ${reports.length} ledgers`);
if (missing.length > 0) {
  console.error(`RELIABILITY.md has no line for the rows ${missing.join(', ')}: say what they promise`);
  process.exit(1);
}
