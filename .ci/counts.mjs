import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Sums the JSON reports that vitest wrote into a folder, one for each of its runs, and prints the line that ends
 * .ci/run. A test file that could not even be loaded has no tests to count: it counts as one that failed.
 * Exits with 1 when there is nothing to count, or when the counts do not go with how `npm test` and `npm run test:faults` ended.
 */
const [folder, status] = process.argv.slice(2);

/** `npm test` runs vitest twice, `npm run test:faults` once. After a failure a run may be missing. */
const RUNS = 3;

const reports = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));

const count = (of) => reports.reduce((sum, report) => sum + of(report), 0);
const passed = count((report) => report.numPassedTests);
const failed = count((report) => report.numFailedTests + filesNotLoaded(report));
const skipped = count((report) => report.numPendingTests + report.numTodoTests);

if (reports.length === 0) stop('vitest wrote no report');
if (![passed, failed, skipped].every(Number.isInteger)) stop('a report has no counts');
if (status === '0' && (reports.length !== RUNS || failed > 0 || passed === 0)) {
  stop(`the tests succeeded with ${reports.length} reports, ${passed} passed and ${failed} failed tests`);
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);

function filesNotLoaded(report) {
  return report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  ).length;
}

function stop(why) {
  console.error(`.ci/counts.mjs: ${why}`);
  process.exit(1);
}
