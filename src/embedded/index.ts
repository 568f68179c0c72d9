/** `millrace/embedded`: a whole Faktory in this process, for development and tests. It keeps nothing. */
export { type CancelTimer, type Clock, ManualClock, realClock } from './clock.ts';
export { Faults, type Quirks } from './faults.ts';
export {
  type EmbeddedCounts,
  type EmbeddedFaktory,
  type EmbeddedOptions,
  startEmbeddedFaktory,
} from './server.ts';
export type { Intercept } from './session.ts';
export type { JobState, KeptJob, ScanIntervals } from './store/store.ts';
