/** The side of a bench process itself: answers its parent's calls, tells how busy it is, ends with it. */
import { messageOf } from '../errors.ts';
import type { Call, Told, Usage } from './child.ts';

export type Methods = Readonly<Record<string, (...args: never[]) => unknown>>;

/** `onOrphaned`: how it ends when its parent is gone (default: at once). */
export function serve(methods: Methods, onOrphaned: () => void = () => process.exit(0)): void {
  const all = new Map<string, (...args: never[]) => unknown>(Object.entries({ usage, ...methods }));
  // A terminal sends Ctrl-C to all of them: the parent decides what it means.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  process.on('disconnect', onOrphaned);
  process.on('message', async ({ id, method, args }: Call) => {
    try {
      const call = all.get(method) as (...args: readonly unknown[]) => unknown;
      tell({ id, result: await call(...args) });
    } catch (error) {
      tell({ id, error: messageOf(error) });
    }
  });
}

export function tell(told: Told): void {
  if (process.connected) process.send?.(told);
}

export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return {
    at: performance.now(),
    cpuMicros: user + system,
    busyMs: performance.eventLoopUtilization().active,
  };
}
