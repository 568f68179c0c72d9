/** Which partition a key belongs to: the same in every process, release and language. Pure. */
import { createHash } from 'node:crypto';

/**
 * The first four bytes of SHA-256 of the key in UTF-8, as a big-endian number, modulo `partitions`. With Python:
 * `int.from_bytes(sha256(key.encode()).digest()[:4], 'big') % partitions`. Test vectors: docs, and
 * test/partitions/partition-hash.test.ts. It must never change: two pushers that disagree break the order of a key.
 */
export function partitionOf(key: string, partitions: number): number {
  return createHash('sha256').update(key, 'utf8').digest().readUInt32BE(0) % partitions;
}
