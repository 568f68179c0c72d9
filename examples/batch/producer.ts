/**
 * Pushes points, one in a hundred of them of a track that is not there.
 *
 *     npx jiti examples/batch/producer.ts 50000
 */
import { Client } from 'millrace';
import type { Point } from './points.ts';

const count = Number(process.argv[2] ?? 50_000);
const TRACKS = 1_000;

function pointOf(n: number): Point {
  const track = n % 100 === 99 ? TRACKS + 1 + n : (n % TRACKS) + 1;
  return { track, lat: 52 + n / count, lon: 13 + n / count };
}

await using client = new Client({ logger: false });
const jobs = Array.from({ length: count }, (_, n) => ({
  jobtype: 'point',
  queue: 'points',
  args: [pointOf(n)],
}));
const rejected = await client.pushBulk(jobs);
console.log(
  `pushed ${count - Object.keys(rejected).length} points, ${Math.floor(count / 100)} of them without a track`,
);
