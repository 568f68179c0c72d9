import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { newJid } from '../../src/protocol/job.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { localWorker } from './local.ts';
import { type Stage, setStage } from './stage.ts';

/** What a parser of bytes can trip over: characters of several bytes, line ends, lengths, replies inside of strings. */
const PIECES = [
  'ä',
  '€',
  '😀',
  '\r\n',
  '\n+OK\r\n',
  '$-1\r\n',
  '"',
  '\\',
  '\u2028',
  '\u0000',
  '-ERR no',
  'x',
];

describeOnRealFaktory('bytes cut and joined anywhere', () => {
  it('row 16: slices of one byte both ways: every job, every arg, every reply at its own command', async () => {
    using ledger = new Ledger({ row: 16, name: 'one byte a slice, both ways' });
    await using stage = await setStage(ledger);
    stage.relay.slice(1);
    await exchange(ledger, stage, { jobs: 100, commands: 40 });
  });

  it('row 16: replies that come in one piece after a pause', async () => {
    using ledger = new Ledger({ row: 16, name: 'replies joined' });
    await using stage = await setStage(ledger);
    const { relay } = stage;
    // Held for a while and let go at once: what came meanwhile is one read of the socket.
    const timer = setInterval(() => {
      relay.freeze('down');
      setTimeout(() => relay.thaw('down'), 60);
    }, 80);
    try {
      await exchange(ledger, stage, { jobs: 3_000, commands: 300 });
    } finally {
      clearInterval(timer);
    }
  });

  it('row 16: slices of a few bytes, by the seed, of more jobs', async () => {
    using ledger = new Ledger({ row: 16, name: 'a few bytes a slice' });
    await using stage = await setStage(ledger);
    stage.relay.slice(ledger.int(2, 40), 'down');
    stage.relay.slice(ledger.int(2, 40), 'up');
    await exchange(ledger, stage, { jobs: 1_000, commands: 200 });
  });
});

/** Pushes jobs whose args are hard to read, beside commands whose replies tell them apart; all must be right. */
async function exchange(
  ledger: Ledger,
  stage: Stage,
  counts: { jobs: number; commands: number },
): Promise<void> {
  const { relay, client, faktory } = stage;
  const given = new Map<string, unknown>();
  const got = new Map<string, unknown>();
  await using worker = localWorker(ledger, relay.url);
  worker.handle('echo', (ctx, ...args) => {
    ledger.started(ctx.id);
    got.set(ctx.id, args);
    ledger.ended(ctx.id);
  });
  await worker.work();
  const pushes = Array.from({ length: counts.jobs }, () => {
    const jid = newJid();
    const args = Array.from({ length: ledger.int(0, 4) }, () => text(ledger));
    given.set(jid, args);
    return ledger.follow(jid, client.push({ jid, jobtype: 'echo', args }));
  });
  const names = Array.from({ length: counts.commands }, (_, k) => `queue-${k}`);
  const replies = names.map((name) => client.send(['QUEUE', 'LATENCY', name]));
  const answers = await Promise.all(replies);
  await Promise.all(pushes);
  await stage.untilAllRan();
  await until(() => worker.stats().unreported === 0);
  await stage.untilDrained();
  ledger.note('bytes', relay.bytes.up + relay.bytes.down);
  const { lost, twice, open } = ledger.settle();
  expect({ lost, twice, open }).toEqual({ lost: 0, twice: 0, open: 0 });
  expect(got).toEqual(given);
  expect(answers.map((answer) => Object.keys(JSON.parse(String(answer))))).toEqual(
    names.map((name) => [name]),
  );
  expect(worker.stats()).toMatchObject({ failed: 0, done: counts.jobs });
  await using direct = new Client({ url: faktory.url, logger: false });
  expect(await direct.info()).toMatchObject({ faktory: { total_failures: 0 } });
}

function text(ledger: Ledger): string {
  return Array.from({ length: ledger.int(0, 12) }, () => PIECES[ledger.int(0, PIECES.length - 1)]).join('');
}
