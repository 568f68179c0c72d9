/** What most Faktory workers are: each slot has a socket and does FETCH, run, ACK on it. For comparison. */
import type { RawClient } from '../helpers/raw-client.ts';
import type { Ledger } from './ledger.ts';
import { connectRaw } from './raw-faktory.ts';

export interface OneSocketASlot {
  /** Resolves when every slot has ended, because its socket has. */
  readonly ended: Promise<void>;
}

/** Connects all slots, then runs jobs of `default` until the sockets end. */
export async function startOneSocketASlot(
  address: { host: string; port: number },
  slots: number,
  ledger: Ledger,
): Promise<OneSocketASlot> {
  const clients: RawClient[] = [];
  for (let slot = 0; slot < slots; slot += 1) clients.push(await connectRaw(address, 'one-socket-a-slot'));
  const loops = clients.map((client) => loop(client, ledger));
  return { ended: Promise.all(loops).then(() => {}) };
}

async function loop(client: RawClient, ledger: Ledger): Promise<void> {
  const closed = new Promise<undefined>((resolve) => client.socket.once('close', () => resolve(undefined)));
  const ask = (line: string) => Promise.race([client.ask(line).catch(() => undefined), closed]);
  for (;;) {
    const reply = await ask('FETCH default');
    if (reply === undefined) return;
    const jid = /"jid":"([^"]*)"/.exec(reply)?.[1];
    if (jid === undefined) continue;
    ledger.started(jid);
    ledger.ended(jid);
    if ((await ask(`ACK {"jid":"${jid}"}`)) === undefined) return;
  }
}
