/** The names of the queues that hold wake tokens (src/worker/wake.ts): users are not shown them. */
export const WAKE_QUEUE_PREFIX = 'millrace-wake.';

/** Whether a queue holds tokens: such queues are left out of what users are shown. */
export function isWakeQueue(queue: string): boolean {
  return queue.startsWith(WAKE_QUEUE_PREFIX);
}
