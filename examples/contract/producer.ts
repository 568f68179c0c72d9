/**
 * Pushes held to the contract: the compiler knows jobtypes and args, and what slips past it is refused before it is
 * sent.
 *
 *     npx jiti examples/contract/producer.ts     (beside worker.ts)
 */
import { Client, PayloadError } from 'millrace';
import { jobs } from './jobs.ts';

await using client = new Client({ contract: jobs, logger: false });
await client.push('add', { a: 1, b: 2 });
await client.push('welcome', 'ada@example.org', { language: 'fr' });
// await client.push('add', { a: 1 });     does not compile
try {
  await client.push({ jobtype: 'welcome', args: ['not an address'] });
} catch (error) {
  if (!(error instanceof PayloadError)) throw error;
  for (const { path, message } of error.faults) console.log(`refused: ${path}: ${message}`);
}
