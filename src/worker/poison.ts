/** What no retry can mend: such a job goes to Dead at once. */
import { Unrecoverable } from '../unrecoverable.ts';

const found = new WeakSet<object>();

/** Marks an error of our own making (no handler, args that do not fit) and returns it. */
export function poison<E extends object>(error: E): E {
  found.add(error);
  return error;
}

/** Whether it was marked, or is Unrecoverable: by its name, since a program may hold two copies of this package. */
export function isPoison(thrown: unknown): boolean {
  if (typeof thrown !== 'object' || thrown === null) return false;
  if (found.has(thrown)) return true;
  // A proxy may throw at the very question what it is.
  try {
    return thrown instanceof Unrecoverable || (thrown instanceof Error && thrown.name === 'Unrecoverable');
  } catch {
    return false;
  }
}
