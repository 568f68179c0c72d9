/** Row 8: what one more slot costs, with a handler waiting in it. */
import { startEmbeddedFaktory } from '../../test/helpers/embedded-faktory.ts';
import { until } from '../../test/helpers/until.ts';
import { fill } from '../fill.ts';
import { payloadBytes } from './payload.ts';
import type { Row } from './row.ts';
import { RowWorker } from './worker.ts';

const FEW = 50;
const MANY = 2_000;

interface Held {
  /** Heap and buffers after a collection, and the resident set, in bytes. */
  readonly held: number;
  readonly rss: number;
  readonly payload: number;
}

export const memoryOfSlots: Row = {
  ids: ['8'],
  takes: 8,
  async measure({ note }) {
    const few = await withHandlersWaiting(FEW);
    const many = await withHandlersWaiting(MANY);
    const aSlot = (many.held - few.held) / (MANY - FEW);
    const what = 'a slot more, its handler waiting, 50 → 2,000';
    note(
      { row: '8', what: `${what}: bytes of heap beside the payload`, target: '1,024' },
      aSlot - many.payload,
    );
    note({ row: '8', what: `${what}: bytes of the payload`, target: '' }, many.payload);
    note(
      { row: '8', what: `${what}: bytes of resident memory in all`, target: '' },
      (many.rss - few.rss) / (MANY - FEW),
    );
  },
};

async function withHandlersWaiting(slots: number): Promise<Held> {
  await using faktory = await startEmbeddedFaktory();
  await fill(faktory.url, slots + 1, { jobtype: 'hold' });
  const payload = await payloadBytes(faktory);
  await using worker = await RowWorker.start({ url: faktory.url, concurrency: slots });
  await until(async () => (await worker.ask('stats')).running === slots, {
    what: `${slots} handlers that wait`,
  });
  return { ...(await worker.ask('memory')), payload };
}
