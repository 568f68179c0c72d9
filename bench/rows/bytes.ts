/** Row 13: bytes on the wire a job, all that a worker says and hears from its HELLO to its last ACK. */
import { setTimeout as pause } from 'node:timers/promises';
import { startRelayProcess } from '../../test/helpers/relay-process.ts';
import { until } from '../../test/helpers/until.ts';
import { fill } from '../fill.ts';
import { startReal } from '../stage.ts';
import { payloadBytes } from './payload.ts';
import type { Row } from './row.ts';
import { RowWorker } from './worker.ts';

const JOBS = 40_000;

export const bytes: Row = {
  ids: ['13'],
  takes: 15,
  async measure({ note, faktoryVersion }) {
    await using faktory = await startReal(faktoryVersion);
    await fill(faktory.url, JOBS + 1);
    const payload = await payloadBytes(faktory);
    await using relay = await startRelayProcess(faktory.url);
    await using worker = await RowWorker.start({ url: relay.url, concurrency: 500 });
    await until(async () => (await worker.ask('done')) === JOBS, { timeoutMs: 60_000, what: 'all jobs' });
    // The last ACKs.
    await pause(200);
    const { up, down } = (await relay.counts()).bytes;
    const line = (what: string, target: string) => ({ row: '13', what, target });
    note(line('real, 500 slots: bytes on the wire a job', ''), (up + down) / JOBS);
    note(line('real, 500 slots: the same, less the payload', '120'), (up + down) / JOBS - payload);
  },
};
