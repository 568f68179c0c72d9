import { expect, it } from 'vitest';
import { startApi } from '../../src/api/start.ts';
import { Client } from '../../src/client/client.ts';
import { startFaktory } from '../../src/testing/test-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import { startRelay } from '../helpers/relay.ts';

const post = async (url: string): Promise<number> => {
  const { status } = await fetch(`${url}/jobs/add`, { method: 'POST', body: '{}' });
  return status;
};

it('listens once it has its connection where it is told to: the first request is taken, be Faktory far away', async () => {
  await using faktory = await startFaktory();
  await using relay = await startRelay(faktory.url, { delayMs: 30 });
  await using client = new Client({ url: relay.url, logger: false });
  await using running = await startApi({ port: 0, client, logger: false, connectFirstMs: 5_000 });
  expect(await post(running.url)).toBe(202);
});

it('listens without Faktory, too, when that time is over', async () => {
  await using client = new Client({ url: `tcp://127.0.0.1:${await freePort()}`, logger: false });
  await using running = await startApi({ port: 0, client, logger: false, connectFirstMs: 50 });
  expect(await post(running.url)).toBe(503);
});
