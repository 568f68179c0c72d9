import { expect, it } from 'vitest';
import { checkInfo } from '../../src/cli/doctor-info.ts';

const server = { faktory_version: '1.10.0', uptime: 1, connections: 2, used_memory_mb: 3 };
const sets = { scheduled: 0, working: 0, retries: 0, dead: 0 };

it.each([{ a: 1 }, {}, null, undefined])('INFO with the queues %j is one of Faktory', (queues) => {
  expect(() => checkInfo({ server, faktory: { queues, sets } })).not.toThrow();
});

it.each([
  [null, 'server.faktory_version is no text'],
  [[], 'server.faktory_version is no text'],
  ['+OK', 'server.faktory_version is no text'],
  [{ server: {}, faktory: {} }, 'server.faktory_version is no text'],
  [{ server: { faktory_version: '1' } }, 'server.uptime is no number'],
  [{ server: { ...server, connections: '2' }, faktory: { sets } }, 'server.connections is no number'],
  [{ server }, 'faktory.sets.scheduled is no number'],
  [{ server, faktory: { sets: { ...sets, dead: null } } }, 'faktory.sets.dead is no number'],
  [{ server, faktory: { sets, queues: { a: {} } } }, 'faktory.queues are no numbers by name'],
  [{ server, faktory: { sets, queues: 'a' } }, 'faktory.queues are no numbers by name'],
])('%j is not: %s', (info, what) => {
  expect(() => checkInfo(info)).toThrow(
    expect.objectContaining({ code: 'PROTOCOL_VIOLATION', message: expect.stringContaining(`(${what})`) }),
  );
});
