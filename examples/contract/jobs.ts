/** The contract: what jobs there are. API, workers and producers share this one file. */
import { defineJobs } from 'millrace';
import { z } from 'zod';

export const jobs = defineJobs({
  add: {
    args: z.tuple([z.object({ a: z.number(), b: z.number() })]),
  },
  welcome: {
    args: z.tuple([z.email(), z.object({ language: z.enum(['en', 'fr']).default('en') }).prefault({})]),
    queue: 'mail',
    retry: 5,
    reserveFor: 120,
  },
});

export default jobs;
