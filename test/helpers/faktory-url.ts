import { connect } from 'node:net';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `tcp://host:port`, with the password in it when there is one. */
export function faktoryUrl({ host, port }: Address, password?: string): string {
  const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  return `tcp://${credentials}${host}:${port}`;
}

/** Whether a Faktory answers at this address: it greets every connection with `+HI`. Never rejects. */
export function answersHi({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (answer: boolean) => {
      resolve(answer);
      socket.destroy();
    };
    socket.setTimeout(2_000, () => finish(false));
    socket.once('data', (greeting) => finish(greeting.toString('latin1').startsWith('+HI')));
    socket.on('error', () => finish(false));
    socket.once('close', () => resolve(false));
  });
}
