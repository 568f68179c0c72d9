import { MillraceError, messageOf } from '../errors.ts';

/** Tells why a command ends, on stderr: one line for what has a cause outside, with the stack for a fault of ours. */
export function tellFailure(error: unknown): void {
  const ours = !(error instanceof MillraceError) && error instanceof Error && isBug(error);
  console.error(`millrace: ${ours ? error.stack : messageOf(error)}`);
}

/** Faults of the system carry a code (ENOENT, EACCES …) and tell enough by their message. */
function isBug(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === undefined;
}
