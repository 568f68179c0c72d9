/**
 * Handlers held to the contract: their args are typed, and parsed before they get them.
 *
 *     npx millrace faktory     (each in a terminal of its own; end `npm start` first: its worker takes the jobs)
 *     CONTRACT_FILE=examples/contract/jobs.ts npx millrace api
 *     npx jiti examples/contract/worker.ts
 *     curl -s -X POST http://127.0.0.1:3000/jobs/add -d '{"a": 1, "b": "two"}'     # 400, and where it is wrong
 */
import { Worker } from 'millrace';
import { jobs } from './jobs.ts';

const worker = new Worker({ contract: jobs, queues: ['mail', 'default'] });
worker.register('add', ({ a, b }) => console.log(`${a} + ${b} = ${a + b}`));
worker.register('welcome', (address, { language }) =>
  console.log(`${language === 'fr' ? 'bienvenue' : 'welcome'} ${address}`),
);
await worker.work();
