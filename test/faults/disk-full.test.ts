import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { Worker } from '../../src/worker/worker.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import { noteLeftOut } from '../helpers/left-out.ts';
import { startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import { millrace, untilReady } from '../system/millrace.ts';
import { Ledger } from './ledger.ts';
import { Watch } from './local.ts';
import { connectRaw } from './raw-faktory.ts';
import { followPush, type Stage, setStage } from './stage.ts';

/** A file system of 3 MB for Faktory's storage alone: nobody else sees it, and it goes with the process. */
const ON_A_SMALL_DISK = [
  ...['unshare', '-m', 'sh', '-c'],
  'mount -t tmpfs -o size=3m none "{dir}/db" && exec "$0" "$@"',
];

const mayMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/tmp']).status === 0;
const FULL =
  'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.';

describeOnRealFaktory('a full disk', () => {
  if (!mayMount) noteLeftOut('the full disk (row 9): mounting a small one takes root');
  it.skipIf(!mayMount)(
    'row 9: refuses nothing for good, and all goes on when there is room again',
    async () => {
      using ledger = new Ledger({ row: 9, name: 'disk full, room again' });
      // A snapshot each second, so that the full disk is met soon.
      const redisArgs = ['--save', '1 1'];
      await using stage = await setStage(ledger, { faktory: { wrap: ON_A_SMALL_DISK, redisArgs } });
      const { faktory, relay } = stage;
      const worker = await stage.startWorker({ concurrency: 100 });
      await stage.push(100);
      await stage.untilAllRan();

      await fillDisk(stage);
      const port = await freePort();
      await using _api = millrace(['api'], { env: { FAKTORY_URL: relay.url, API_PORT: String(port) } });
      await untilReady(`http://127.0.0.1:${port}`).catch(() => {});
      const refused = fetch(`http://127.0.0.1:${port}/jobs/run`, { method: 'POST', body: '{}' });
      const pushes = stage.push(50);
      const [bytes, connects] = [relay.bytes.up, relay.accepted];
      await pause(5_000);
      ledger.note('bytes/s asked meanwhile', Math.round((relay.bytes.up - bytes) / 5));
      // Each lane rests after an error, and no socket is given up for one.
      expect(relay.bytes.up - bytes).toBeLessThan(500_000);
      expect(relay.accepted - connects).toBeLessThan(10);
      expect(worker.process.exited).toBeUndefined();
      ledger.note('status of a POST', (await refused).status);
      expect((await refused).status).toBe(503);
      await pushes;

      grow(faktory.pid, `${faktory.dir}/db`);
      ledger.cleared();
      await until(() => probe(stage).then((answer) => answer.includes('{}')), {
        timeoutMs: 60_000,
        everyMs: 200,
      });
      await stage.push(100);
      await stage.untilAllRan();
      const report = ledger.settle();
      // Redis says so before it writes anything: what could not be stored is told as such, and none of it ever runs.
      expect(report).toMatchObject({
        open: 0,
        ghosts: 0,
        lost: 0,
        unknown: 0,
        accepted: ledger.acceptedCount,
      });
      expect(report.accepted + report.refused).toBe(250);
    },
  );
});

describe('MISCONF, as Redis says it', () => {
  it('row 9: in the map of a PUSHB is no refusal of the job', async () => {
    using ledger = new Ledger({ row: 9, name: 'MISCONF, embedded Faktory' });
    await using faktory = await startEmbeddedFaktory({ port: 0 });
    await using relay = await startRelay(faktory.url, { messages: true });
    await using client = new Client({ url: relay.url, logger: false });
    await using worker = new Worker({ url: faktory.url, logger: false, trapSignals: false });
    worker.handle('run', (ctx) => {
      ledger.started(ctx.id);
      ledger.ended(ctx.id);
    });
    await worker.work();
    faktory.faults.refuseJobs('run', FULL);
    const refusals = new Watch(relay, 'down', /MISCONF/);
    const pushes = Array.from({ length: 200 }, () => followPush(ledger, client));
    // More than what the first PUSHB is answered: they are sent again into the same fault.
    await until(() => refusals.count >= 3, { what: () => `three maps of MISCONF; ${refusals.count} came` });
    expect(ledger.runs()).toEqual([]);
    faktory.faults.refuseJobs('run', null);
    ledger.note(
      'refusals seen',
      refusals.seen.reduce((sum, map) => sum + map.split('MISCONF').length - 1, 0),
    );
    ledger.cleared();
    await Promise.all(pushes);
    await until(() => ledger.missing().length === 0);
    expect(ledger.settle()).toMatchObject({ accepted: 200, executed: 200, unknown: 0, refused: 0, open: 0 });
  });
});

/** Stores jobs of 130 kB that cannot be compressed until Redis cannot write its snapshot. */
async function fillDisk(stage: Stage): Promise<void> {
  let count = 0;
  await using raw = await connectRaw(stage.faktory);
  const full = async (): Promise<boolean> => {
    const args = [randomBytes(100_000).toString('base64')];
    const job = { jid: `filler-${count}`, jobtype: 'none', queue: 'filler', args, retry: 0, reserve_for: 60 };
    count += 1;
    return (await raw.ask(`PUSHB [${JSON.stringify(job)}]`)).includes('MISCONF');
  };
  await until(full, { timeoutMs: 60_000, everyMs: 10, what: 'MISCONF of a full disk' });
}

/** What Faktory says to one more push. */
async function probe({ faktory }: Stage): Promise<string> {
  await using raw = await connectRaw(faktory);
  const job = { jid: 'probe-job', jobtype: 'none', queue: 'filler', args: [], retry: 0, reserve_for: 60 };
  return await raw.ask(`PUSHB [${JSON.stringify(job)}]`);
}

function grow(pid: number, folder: string): void {
  const mount = ['mount', '-o', 'remount,size=100m', folder];
  const { status, stderr } = spawnSync('nsenter', ['-t', String(pid), '-m', ...mount]);
  if (status !== 0) throw new Error(`${mount.join(' ')}: ${stderr}`);
}
