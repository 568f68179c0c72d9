/** Starts the embedded Faktory where the configuration expects Faktory. */
import { environmentName, faktoryPassword, faktoryUrl } from '../config.ts';
import { type Address, parseAddress, showAddress } from '../connection/address.ts';
import type { EmbeddedFaktory } from '../embedded/index.ts';
import { isMillraceError, MillraceError } from '../errors.ts';
import { isLoopback } from '../loopback.ts';

/** FAKTORY_URL and FAKTORY_PASSWORD, as an address to listen on. Throws CONFIG_INVALID where that cannot be. */
export function embeddedAddress(): Address {
  const address = parseAddress(faktoryUrl(), faktoryPassword());
  if (isLoopback(address.host) && !address.tls) return address;
  throw new MillraceError(
    'CONFIG_INVALID',
    `FAKTORY_URL is "${showAddress(address)}", but the embedded Faktory takes an address of this machine only, ` +
      'such as tcp://127.0.0.1:7419; `millrace api` and `millrace worker` use a Faktory elsewhere',
  );
}

/** `change`: what to set to take another port, for the error. Throws PORT_TAKEN, CONFIG_INVALID. */
export async function startEmbedded(address: Address, change: string): Promise<EmbeddedFaktory> {
  const { startEmbeddedFaktory } = await import('../embedded/index.ts');
  const { host, port, password } = address;
  const environment = environmentName();
  try {
    return await startEmbeddedFaktory({
      port,
      host,
      ...(password === undefined ? {} : { password }),
      ...(environment === undefined ? {} : { environment }),
    });
  } catch (cause) {
    if (!isMillraceError(cause, 'PORT_TAKEN')) throw cause;
    const text = `port ${port} of ${host} is taken, by another Faktory perhaps: end what listens there, or ${change}`;
    throw new MillraceError('PORT_TAKEN', text, { cause });
  }
}
