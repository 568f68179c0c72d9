/** Whether what answered INFO is a Faktory, or tells as one. Pure. */
import { MillraceError } from '../errors.ts';
import type { FaktoryInfo } from '../protocol/info.ts';

/** What must be a number; without one of these a check would say NaN. */
const NUMBERS = {
  server: ['uptime', 'connections', 'used_memory_mb'],
  'faktory.sets': ['scheduled', 'working', 'retries', 'dead'],
} as const;

/** Throws PROTOCOL_VIOLATION, with the first field that is missing or of another kind. */
export function checkInfo(info: unknown): asserts info is FaktoryInfo {
  if (typeof at(info, 'server.faktory_version') !== 'string')
    throw oddInfo('server.faktory_version is no text');
  for (const [group, names] of Object.entries(NUMBERS)) {
    for (const path of names.map((name) => `${group}.${name}`)) {
      if (!Number.isFinite(at(info, path))) throw oddInfo(`${path} is no number`);
    }
  }
  // Faktory tells null where there is none.
  const queues = at(info, 'faktory.queues') ?? {};
  if (typeof queues !== 'object' || !Object.values(queues).every(Number.isFinite))
    throw oddInfo('faktory.queues are no numbers by name');
}

/** PROTOCOL_VIOLATION: `what` is wrong with it. */
export function oddInfo(what: string, cause?: unknown): MillraceError {
  const text = `what INFO tells is not what Faktory tells (${what}): is it a Faktory that FAKTORY_URL leads to?`;
  return new MillraceError('PROTOCOL_VIOLATION', text, { cause });
}

/** Undefined where the path ends before. */
function at(info: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | null | undefined)?.[name], info);
}
