/** What the examples of tests test: a worker that sends invoices, once each, and a function that asks for it. */
import { type Client, type JobContext, Worker } from 'millrace';

export interface Mailer {
  send(to: string, text: string): Promise<void>;
}

export function invoiceWorker(mailer: Mailer, options: { url?: string } = {}): Worker {
  const worker = new Worker({ ...options, logger: false, trapSignals: false });
  const sent = new Set<string>();
  worker.use(async (ctx, next) => {
    ctx.tenant = ctx.job.custom?.tenant ?? 'nobody';
    await next();
  });
  worker.handle('invoice', async (ctx: JobContext, to: string, amount: number) => {
    if (!sent.has(ctx.id)) await mailer.send(to, `${amount} euros, from ${ctx.tenant}`);
    sent.add(ctx.id);
    return amount;
  });
  return worker;
}

export async function order(client: Client, to: string, amount: number): Promise<'accepted' | 'twice'> {
  try {
    await client.push({ jobtype: 'invoice', args: [to, amount], retry: 5, custom: { tenant: 'a shop' } });
    return 'accepted';
  } catch (error) {
    if ((error as { code?: string }).code !== 'JOB_REJECTED') throw error;
    return 'twice';
  }
}
