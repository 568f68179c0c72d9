/** Row 12: /health and /queues while the API takes as many jobs as it can. */
import { startReal } from '../../stage.ts';
import type { HttpRow } from '../row.ts';
import { Server } from '../serve.ts';

const LOAD = { connections: 100 };
const PROBES = [
  { get: '/health', target: 'over 5,000' },
  { get: '/queues', target: 'over 500' },
] as const;

export const probes: HttpRow = {
  ids: ['12'],
  async measure({ note, faktoryVersion, seconds }) {
    await using faktory = await startReal(faktoryVersion);
    await using server = await Server.start('millrace', faktory.url);
    for (const { get, target } of PROBES) {
      const [load, probe] = await Promise.all([
        // Longer than the probes on both sides.
        server.shoot({ ...LOAD, seconds: seconds + 2 }),
        server.shoot({ connections: 50, seconds, get }),
      ]);
      note({ row: '12', what: `real: GET ${get} under full push load, requests/s`, target }, probe.perSecond);
      note({ row: '12', what: `real: POST /jobs/add meanwhile, requests/s`, target: '' }, load.perSecond);
    }
  },
};
