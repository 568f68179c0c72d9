import { config } from 'dotenv';
import { MillraceError, messageOf } from '../errors.ts';

/** Adds what `.env` in the working folder says to the environment; what is set there already stays. */
export function readDotenv(): void {
  const { error } = config({ quiet: true });
  if (error === undefined || (error as NodeJS.ErrnoException).code === 'ENOENT') return;
  throw new MillraceError('CONFIG_INVALID', `.env cannot be read: ${messageOf(error)}`, { cause: error });
}
