/** Row 1: POST /jobs/add beside a bare Fastify route that answers at once. */
import { startFaktory } from '../../stage.ts';
import type { HttpRow } from '../row.ts';
import { Server } from '../serve.ts';

const CONNECTIONS = 100;
const TARGETS = { embedded: '0.4; 0.5 is the stretch', real: '0.25; 0.3 is the stretch' } as const;

export const oneARequest: HttpRow = {
  ids: ['1'],
  async measure({ note, faktoryVersion, seconds }) {
    const shot = { connections: CONNECTIONS, seconds };
    await using bareServer = await Server.start('bare');
    const bare = await bareServer.shoot(shot);
    note({ row: '1', what: 'bare Fastify route, requests/s', target: '' }, bare.perSecond);
    for (const kind of ['embedded', 'real'] as const) {
      await using faktory = await startFaktory(kind, faktoryVersion);
      await using server = await Server.start('millrace', faktory.url);
      const own = await server.shoot(shot);
      const line = (what: string, target: string, digits = 0) => ({
        row: '1',
        what: `${kind}: ${what}`,
        target,
        digits,
      });
      note(line('millrace, requests/s', ''), own.perSecond);
      note(line('millrace ÷ the bare route', TARGETS[kind], 2), own.perSecond / bare.perSecond);
      note(line('p99, ms', 'under 30', 1), own.p99);
      note(line('answers that were no 202', '0'), own.others);
    }
  },
};
