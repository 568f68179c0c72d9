/** Row 11: handlers that wait 100 ms, 500 slots: 5,000 jobs/s is what is possible. */
import { type Cell, measure } from '../cell.ts';
import { MILLRACE } from '../peers.ts';
import { Stage, startReal } from '../stage.ts';
import { measureOnEmbedded } from './embedded-cell.ts';
import type { Row } from './row.ts';

const CELL: Omit<Cell, 'place'> = {
  peer: MILLRACE,
  concurrency: 500,
  jobs: 40_000,
  seconds: 8,
  jobMs: 100,
};

export const waiting: Row = {
  ids: ['11'],
  takes: 30,
  async measure({ note, faktoryVersion }) {
    const line = (kind: string) => ({
      row: '11',
      what: `${kind}, 50 ms, 500 slots, handlers of 100 ms: jobs/s`,
      target: '4,900',
    });
    note(line('embedded'), (await measureOnEmbedded(50, CELL)).jobsPerSecond);
    await using stage = await Stage.build(await startReal(faktoryVersion), []);
    await using ways = await stage.ways(50);
    note(line('real'), (await measure({ ...CELL, place: ways.to(MILLRACE) })).jobsPerSecond);
  },
};
