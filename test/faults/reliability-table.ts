/** The matrix of RELIABILITY.md as text; pure. */
import type { LedgerReport } from './ledger.ts';

/** A line of the matrix: `| 14 | fault | promise | test | figures |`. */
const LINE = /^\| (\d+) \|(.*)\|([^|]*)\|$/;

/** The page with the last column rewritten where there are figures, and the rows that have no line. */
export function withFigures(
  page: string,
  reports: readonly LedgerReport[],
): { page: string; missing: number[] } {
  const lines = page.split('\n');
  const rows = new Set(reports.map((report) => report.row));
  const written = new Set<number>();
  const next = lines.map((line) => {
    const match = LINE.exec(line);
    const row = Number(match?.[1]);
    if (match === null || !rows.has(row)) return line;
    written.add(row);
    const cell = reports.filter((report) => report.row === row).map(cellOf);
    return `| ${row} |${match[2]}| ${cell.join('<br>')} |`;
  });
  const missing = [...rows].filter((row) => !written.has(row)).sort((a, b) => a - b);
  return { page: next.join('\n'), missing };
}

/** One test's figures in a few words. */
export function cellOf(report: LedgerReport): string {
  return `${report.name}: ${figuresOf(report).join(', ')}`.replaceAll('|', '/');
}

function figuresOf(report: LedgerReport): string[] {
  const { accepted, unknown, refused, lost, twice, dead, recoveryMs, notes } = report;
  const jobs = accepted > 0 ? [`${number(accepted)} jobs`, `**${number(lost)} lost**`] : [];
  const some: [number, string][] = [
    [twice, 'twice'],
    [dead, 'in Dead'],
    [unknown, 'told as unknown'],
    [refused, 'told as not stored'],
  ];
  const besides = some.filter(([count]) => count > 0).map(([count, what]) => `${number(count)} ${what}`);
  const back = recoveryMs === undefined ? [] : [`back in ${(recoveryMs / 1_000).toFixed(2)} s`];
  const noted = Object.entries(notes).map(([what, figure]) => `${what} ${shown(figure)}`);
  return [...jobs, ...besides, ...back, ...noted];
}

function shown(figure: string | number): string {
  return typeof figure === 'number' ? number(figure) : figure;
}

function number(figure: number): string {
  return figure.toLocaleString('en-US');
}
