import { RawClient } from '../../test/helpers/raw-client.ts';

/** How long a job is as Faktory hands it out: that of the oldest one, which is taken from the queue for it. */
export async function payloadBytes(faktory: { host: string; port: number }): Promise<number> {
  await using client = await RawClient.connect(faktory);
  await client.reply();
  await client.ask('HELLO {"v":2,"wid":"bench-payload","hostname":"bench","pid":1,"labels":[]}');
  const reply = await client.ask('FETCH default');
  const payload = reply.slice(reply.indexOf('\r\n') + 2, -2);
  const { jid } = JSON.parse(payload) as { jid: string };
  await client.ask(`ACK ${JSON.stringify({ jid })}`);
  return Buffer.byteLength(payload);
}
