import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LedgerReport } from './faults/ledger.ts';
import { withFigures } from './faults/reliability-table.ts';

const FAULTS = join(import.meta.dirname, 'faults');
const PAGE = readFileSync(join(import.meta.dirname, '../RELIABILITY.md'), 'utf8');
const ROWS = [...PAGE.matchAll(/^\| (\d+) \|[^|]*\|[^|]*\|([^|]*)\|[^|]*\|$/gm)].map(([, row, tests]) => ({
  row: row!,
  files: tests!
    .trim()
    .split(', ')
    .map((name) => join(FAULTS, `${name}.test.ts`)),
}));

describe('RELIABILITY.md', () => {
  it.each(ROWS)('row $row is held by a test', ({ row, files }) => {
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
    expect(files.some((file) => new RegExp(`row ${row}\\b`).test(readFileSync(file, 'utf8')))).toBe(true);
  });

  it('gets its figures, and keeps its words', () => {
    const report: LedgerReport = {
      ...{ row: 7, name: 'a | b', seed: 1, accepted: 1_200, unknown: 0, refused: 0, executed: 1_200 },
      ...{ twice: 2, extraRuns: 2, lost: 0, dead: 0, recoveryMs: 340, ghosts: 0, open: 0 },
      notes: { 'sockets at most': 12 },
    };
    const { page, missing } = withFigures('before\n| 7 | x | y | z | – |\n| 8 | x | y | z | old |', [
      report,
      { ...report, row: 99 },
    ]);
    expect(page.split('\n')).toEqual([
      'before',
      '| 7 | x | y | z | a / b: 1,200 jobs, **0 lost**, 2 twice, back in 0.34 s, sockets at most 12 |',
      '| 8 | x | y | z | old |',
    ]);
    expect(missing).toEqual([99]);
  });
});
