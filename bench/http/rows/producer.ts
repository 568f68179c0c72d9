/** Rows 9, 10 and 11: the Client alone, without HTTP. */
import { Client } from 'millrace';
import { startEmbeddedFaktory } from '../../../test/helpers/embedded-faktory.ts';
import { startRelayProcess } from '../../../test/helpers/relay-process.ts';
import { startFaktory } from '../../stage.ts';
import type { HttpRow } from '../row.ts';

const FAR_MS = 50;
const AWAITED = 40;
const LINK_BYTES_PER_SECOND = 100_000;
const PAYLOAD_BYTES = 512;

const perSecond = (count: number, since: number): number => (count / (performance.now() - since)) * 1_000;

async function enqueueAll(client: Client, jobs: number, queues = 1): Promise<number> {
  const startedAt = performance.now();
  for (let i = 0; i < jobs; i += 1)
    await client.enqueue({ jobtype: 'noop', args: [i], queue: `q${i % queues}` });
  await client.flush();
  return perSecond(jobs, startedAt);
}

export const farProducer: HttpRow = {
  ids: ['9'],
  async measure({ note, seconds }) {
    await using faktory = await startEmbeddedFaktory();
    await using relay = await startRelayProcess(faktory.url, { delayMs: FAR_MS / 2 });
    await using client = new Client({ url: relay.url, logger: false });
    await client.connect();
    const startedAt = performance.now();
    for (let i = 0; i < AWAITED; i += 1) await client.push({ jobtype: 'noop', args: [i] });
    const awaited = perSecond(AWAITED, startedAt);
    const line = (what: string, target = '') => ({
      row: '9',
      what: `embedded, ${FAR_MS} ms: ${what}`,
      target,
    });
    note(line('push awaited one by one, jobs/s'), awaited);
    note(line('enqueue, jobs/s', 'over 20,000'), await enqueueAll(client, 30_000 * seconds));
  },
};

export const lanes: HttpRow = {
  ids: ['10'],
  async measure({ note, faktoryVersion }) {
    for (const kind of ['real', 'embedded'] as const) {
      for (const queues of [1, 8]) {
        for (const maxLanes of [1, 2, 4]) {
          await using faktory = await startFaktory(kind, faktoryVersion);
          await using client = new Client({ url: faktory.url, logger: false, maxLanes });
          await client.connect();
          await enqueueAll(client, 5_000, queues);
          const what = `${kind}: ${maxLanes} push lanes, ${queues} queues, jobs/s`;
          note({ row: '10', what, target: 'measured' }, await enqueueAll(client, 40_000, queues));
        }
      }
    }
  },
};

export const slowLink: HttpRow = {
  ids: ['11'],
  async measure({ note, slowJobs }) {
    const payload = 'x'.repeat(PAYLOAD_BYTES);
    for (const maxInFlight of [250, 500, 1_000, 10_000]) {
      await using faktory = await startEmbeddedFaktory();
      await using relay = await startRelayProcess(faktory.url, { delayMs: FAR_MS / 2 });
      await relay.throttle(LINK_BYTES_PER_SECOND);
      await using client = new Client({ url: relay.url, logger: false, maxInFlight });
      await client.connect();
      const startedAt = performance.now();
      let failed = 0;
      const onFailed = (): void => {
        failed += 1;
      };
      for (let i = 0; i < slowJobs; i += 1)
        await client.enqueue({ jobtype: 'noop', args: [payload] }).catch(onFailed);
      await client.flush().catch(onFailed);
      const rate = perSecond(slowJobs, startedAt);
      await using near = new Client({ url: faktory.url, logger: false });
      const { queues } = (await near.info()).faktory;
      const stored = queues.default ?? 0;
      const line = (what: string, target = '') => ({
        ...{ row: '11', target },
        what: `100 kB/s and ${FAR_MS} ms, limit ${maxInFlight}: ${what}`,
      });
      note(line('jobs/s'), rate);
      note(line('failed', '0'), failed);
      note(line('stored more or less than pushed', '0'), stored - slowJobs);
    }
  },
};
