/** Row 2: beside one PUSH a request through npm faktory-worker, on the real Faktory, near and far. */

import { clock } from '../../../src/load/clock.ts';
import { fireStream } from '../../../src/load/stream.ts';
import { startRelayProcess } from '../../../test/helpers/relay-process.ts';
import { startReal } from '../../stage.ts';
import type { HttpRound, HttpRow } from '../row.ts';
import { Server, type Shots, TOKEN } from '../serve.ts';

const CASES = [
  { roundTripMs: 0, connections: 100, pool: 20, target: '1.3' },
  { roundTripMs: 50, connections: 1_000, pool: 20, target: '20' },
] as const;
const OPEN_LOOP_PER_SECOND = 2_000;

export const againstAPool: HttpRow = {
  ids: ['2'],
  async measure(round) {
    for (const { roundTripMs, connections, pool, target } of CASES) {
      await using faktory = await startReal(round.faktoryVersion);
      await using relay = await startRelayProcess(faktory.url, { delayMs: roundTripMs / 2 });
      const shots: Shots[] = [];
      for (const name of ['pooled', 'millrace'] as const) {
        await using server = await Server.start(name, relay.url, pool);
        shots.push(await server.shoot({ connections, seconds: round.seconds }));
        if (name === 'millrace' && roundTripMs > 0) await openLoop(round, server, roundTripMs);
      }
      const [others, own] = shots as [Shots, Shots];
      const line = (what: string, goal = '', digits = 0) => ({
        row: '2',
        what: `real, ${roundTripMs} ms, ${connections} connections: ${what}`,
        target: goal,
        digits,
      });
      round.note(line(`npm faktory-worker, pool of ${pool}, requests/s`), others.perSecond);
      round.note(line('millrace, requests/s'), own.perSecond);
      round.note(line('millrace ÷ the pool', target, 2), own.perSecond / others.perSecond);
    }
  },
};

async function openLoop({ note, seconds }: HttpRound, server: Server, roundTripMs: number): Promise<void> {
  const fired = await fireStream(
    {
      target: { url: server.url, token: TOKEN },
      plan: { jobtype: 'add' },
      perSecond: OPEN_LOOP_PER_SECOND,
      seconds,
      from: clock(),
      sliceMs: 1_000,
    },
    () => {},
  );
  const what = `real, ${roundTripMs} ms, open loop at ${OPEN_LOOP_PER_SECOND} requests/s: p99 less the round trip, ms`;
  note({ row: '2', what, target: '15', digits: 1 }, (fired.latency?.p99 ?? Number.NaN) - roundTripMs);
}
