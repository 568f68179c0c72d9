/** `millrace/embedded`: a whole Faktory in this process, for development and tests. It keeps nothing. */
export { type Clock, ManualClock, realClock } from './clock.ts';
export {
  type EmbeddedCounts,
  type EmbeddedFaktory,
  type EmbeddedOptions,
  startEmbeddedFaktory,
} from './server.ts';
export type { Intercept } from './session.ts';
export type { ScanIntervals } from './store/store.ts';
