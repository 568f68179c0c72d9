/** Partitions without Redis: each worker has its own, by its ordinal. Pure. */
import { MillraceError } from '../errors.ts';

/** PARTITION_ORDINAL, or the number that the host name of a StatefulSet's pod ends in. Throws CONFIG_INVALID. */
export function ordinalOf(setting: number | undefined, hostName: string): number {
  if (setting !== undefined) return setting;
  const [, digits] = /-(\d{1,4})$/.exec(hostName.split('.')[0]!) ?? [];
  if (digits !== undefined) return Number(digits);
  throw new MillraceError(
    'CONFIG_INVALID',
    `PARTITIONS is set, but not REDIS_URL, and the host name ${hostName} does not end in a number as a StatefulSet's pods do: ` +
      'set REDIS_URL, which keeps jobs of a key in order, or PARTITION_ORDINAL, this worker’s number from 0',
  );
}

/** Those that an ordinal has for good: `perPod` in a row; none beyond the last. */
export function partitionsOfOrdinal(ordinal: number, perPod: number, partitions: number): number[] {
  const first = ordinal * perPod;
  const count = Math.max(0, Math.min(perPod, partitions - first));
  return Array.from({ length: count }, (_, i) => first + i);
}
