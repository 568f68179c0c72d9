/** `millrace/testing`: jobs tested in milliseconds, in the test's own process, without Docker. */
export type { Faults, JobState, Quirks } from '../embedded/index.ts';
export { type Coordinators, memoryCoordinators } from '../partitions/open.ts';
export type { FaktoryClock } from './clock.ts';
export type { DrainOptions } from './drain.ts';
export type { JobFilter } from './jobs.ts';
export { runJob } from './run-job.ts';
export { type StartFaktoryOptions, startFaktory, type TestFaktory } from './test-faktory.ts';
