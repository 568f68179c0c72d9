/** Keeps an API without a token on this machine. */
import { MillraceError } from '../errors.ts';
import { isLoopback } from '../loopback.ts';

/** Throws CONFIG_INVALID when others could push jobs without a token and nobody said that they may. */
export function refuseExposure(host: string, hasToken: boolean, insecure: boolean): void {
  if (hasToken || insecure || isLoopback(host)) return;
  throw new MillraceError(
    'CONFIG_INVALID',
    `API_HOST is "${host}", which other machines can reach: set API_TOKEN, or API_INSECURE=true to do without`,
  );
}
