/** Row 8: one request on an idle system. */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'millrace';
import { Poster } from '../../../src/load/stream.ts';
import { startRelayProcess } from '../../../test/helpers/relay-process.ts';
import { startReal } from '../../stage.ts';
import { spreadOf } from '../../table.ts';
import type { HttpRow } from '../row.ts';
import { BODY, Server, TOKEN } from '../serve.ts';

const REQUESTS = 40;
const IDLE_MS = 50;
const WARM = 10;

export const idle: HttpRow = {
  ids: ['8'],
  async measure({ note, faktoryVersion }) {
    for (const roundTripMs of [0, 50]) {
      await using faktory = await startReal(faktoryVersion);
      await using relay = await startRelayProcess(faktory.url, { delayMs: roundTripMs / 2 });
      await using server = await Server.start('millrace', relay.url);
      await using client = new Client({ url: relay.url, logger: false });
      await client.connect();
      using poster = new Poster({ url: server.url, token: TOKEN }, '/jobs/add');
      const took: number[] = [];
      const ways: number[] = [];
      for (let i = 0; i < REQUESTS + WARM; i += 1) {
        await pause(IDLE_MS);
        ways.push(await client.ping());
        const startedAt = performance.now();
        await poster.post(BODY);
        took.push(performance.now() - startedAt);
      }
      const [median, way] = [spreadOf(took.slice(WARM)).median, spreadOf(ways.slice(WARM)).median];
      const line = (what: string, target = '') => ({
        row: '8',
        what: `real, ${roundTripMs} ms: ${what}`,
        target,
        digits: 1,
      });
      note(line('round trip to Faktory, ms'), way);
      note(line('one request on an idle system, less the round trip, ms', '2'), median - way);
    }
  },
};
