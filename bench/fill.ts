/** Fills the queue of a measurement, having emptied Faktory. */
import { Client, type JobInput } from 'millrace';

/** Small jobs of one size each. */
const FIRST = 1_000_000;

/** `job`: what each is, beside its args (default: `noop`, with a number for its only one). */
export async function fill(url: string, jobs: number, job: Partial<JobInput> = {}): Promise<void> {
  await using client = new Client({ url, logger: false });
  await client.send(['FLUSH']);
  for (let i = 0; i < jobs; i += 1) {
    await client.enqueue({ jobtype: 'noop', args: [FIRST + i], retry: 0, ...job });
  }
  await client.flush();
}
