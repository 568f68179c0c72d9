/** This project's worker with WORKER_PREFETCH=0: a slot is a fetch loop, and Little's law its bound. */
process.env.PREFETCH = '0';
await import('./millrace.mjs');
