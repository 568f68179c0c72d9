/** What docker-compose.server.yml adds to Faktory: append-only files, and no way to lose jobs by switching them on. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import {
  Deployment,
  describeCompose,
  mountsOf,
  type PlayedService,
  REPOSITORY,
  resolveCompose,
  type Service,
} from '../helpers/compose.ts';
import { noteLeftOut } from '../helpers/left-out.ts';
import { isAlive, startProcess } from '../helpers/process.ts';
import { until } from '../helpers/until.ts';

const PASSWORD = 's3cret';

describeCompose("the server file's Faktory", () => {
  let folder: string;
  let data: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-append-only-'));
    data = join(folder, 'db');
  });
  afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

  it.each(['everysec', 'always'])(
    'keeps acknowledged jobs over a SIGKILL of Redis, fsync %s',
    async (fsync) => {
      const service = await serverFaktory({ FAKTORY_FSYNC: fsync });
      await using deployment = await Deployment.create(data);
      const faktory = await deployment.start('faktory', service);
      await faktory.untilHealthy();
      await using client = clientOf(deployment);
      expect(await askRedis(data, 'config get appendfsync')).toContain(fsync);

      let acknowledged = 0;
      let going = true;
      const pushing = Promise.all(
        Array.from({ length: 4 }, async () => {
          for (; going; acknowledged++) await client.push({ jobtype: 'add', args: [1, 2] });
        }),
      );
      await until(() => acknowledged >= 500);
      // "Once a second" lets an answer overtake its write where the disk is slow. "Always" must need no wait.
      if (fsync === 'everysec') {
        going = false;
        await pushing;
        await untilWritten(data);
      }
      await killRedis(data);
      // Without its Redis Faktory ends.
      await faktory.process.waitForExit({ timeoutMs: 20_000 });
      const again = await deployment.start('faktory', service);
      await again.untilHealthy();
      going = false;
      await pushing;

      // A push whose answer the kill cut off was sent again under its jid, and may be there twice.
      const { default: stored } = (await infoOf(client)).queues;
      expect(stored).toBeGreaterThanOrEqual(acknowledged);
      expect(stored).toBeLessThanOrEqual(acknowledged + 4);
    },
  );

  it('does not start over snapshots alone, and tells the conversion, which keeps every job', async () => {
    await using deployment = await Deployment.create(data);
    const before = await fillWithoutAppendOnlyFiles(deployment);
    const snapshot = await readFile(join(data, 'faktory.rdb'));

    const service = await serverFaktory();
    const refused = await deployment.start('faktory', service);
    await refused.process.waitForLine(/^Not started: .*db holds jobs in a snapshot .* no append-only files/);
    // Faktory waits 10 s for its Redis before it gives up.
    await refused.process.waitForExit({ timeoutMs: 20_000 });
    expect(await readFile(join(data, 'faktory.rdb'))).toEqual(snapshot);
    expect(await readFile(join(data, 'redis.log'), 'utf8')).toContain('Not started: ');

    const lines = refused.process.lines.map((line) => line.trim());
    const [[, tools]] = mountsOf(service) as [[string, string]];
    const convert = `${tools}/convert-to-append-only ${data}`;
    expect(lines).toContain(
      `docker-compose -f docker-compose.server.yml run --rm --no-deps --entrypoint ${convert.replace(' ', ' faktory ')}`,
    );
    // What is printed last is what can be run here: literally that.
    const printed = lines[lines.lastIndexOf('Without it, as the user that Faktory runs as:') + 1]!;
    expect(printed).toBe(convert);
    const conversion = await ranInShell(printed, tools);
    expect(conversion).toMatch(/^Converted .*: 530 jobs \(/);
    expect(await readFile(join(data, 'faktory.rdb.before-append-only'))).toEqual(snapshot);

    const started = await deployment.start('faktory', service);
    await started.untilHealthy();
    await using client = clientOf(deployment);
    expect(await infoOf(client)).toEqual(before);
    expect(await askRedis(data, 'config get appendonly')).toContain('yes');
  });

  it('converts nothing twice, and nothing under a Faktory that runs', async () => {
    await using deployment = await Deployment.create(data);
    await fillWithoutAppendOnlyFiles(deployment, { stop: false });
    const tools = join(REPOSITORY, 'deploy/faktory');
    const convert = `${tools}/convert-to-append-only ${data}`;
    await askRedis(data, 'save');
    await expect(ranInShell(convert, tools)).rejects.toThrow(/a Redis still answers in .*stop Faktory first/);
    await deployment[Symbol.asyncDispose]();
    await until(() => askRedis(data, 'ping').then((pong) => !pong.startsWith('PONG')));
    expect(await ranInShell(convert, tools)).toContain('530 jobs');
    await expect(ranInShell(convert, tools)).rejects.toThrow(/has append-only files already/);
    await expect(ranInShell(`${tools}/convert-to-append-only ${folder}`, tools)).rejects.toThrow(
      /has no faktory.rdb: there is nothing to convert/,
    );
  });

  it('takes everysec and always, and says so of anything else', async () => {
    await using deployment = await Deployment.create(data);
    const faktory = await deployment.start('faktory', await serverFaktory({ FAKTORY_FSYNC: 'sometimes' }));
    await faktory.process.waitForLine(/^FAKTORY_FSYNC is "sometimes", it takes everysec or always\.$/);
  });

  it('works by the shell of its image as by this one', async () => {
    const tools = join(REPOSITORY, 'deploy/faktory');
    await mkdir(data);
    const wrapper = (args: string) => ranInShell(`busybox sh ${tools}/redis-server ${args}`, tools);
    expect(await wrapper('--version')).toContain('Redis server v=');
    await ranInShell(`touch ${data}/faktory.rdb`, tools);
    await expect(wrapper(`/dev/null --dir ${data}`)).rejects.toThrow(/Not started: /);
  });

  it.skipIf(!canConfine())('needs no capability, no root and no writable root', async () => {
    // As Faktory's image has the folder that Docker copies into a new volume.
    await mkdir(data, { mode: 0o775 });
    await ranInShell(`chmod 775 ${data}`, '');
    const service = await serverFaktory();
    await using deployment = await Deployment.create(data);
    const faktory = await deployment.startConfined(service);
    await faktory.untilHealthy();
    const status = await readFile(`/proc/${faktory.process.pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t1000\t.*\nGid:\t0\t/m);
    expect(status).toMatch(/^CapPrm:\t0+\nCapEff:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    await using client = clientOf(deployment);
    await client.push({ jobtype: 'add', args: [1, 2] });
    expect(await faktory.process.stop('SIGTERM', { timeoutMs: 35_000 })).toEqual({ code: 0, signal: null });
    // All it wrote is in its volume, as its own user.
    const written = await stat(join(data, 'appendonlydir/appendonly.aof.manifest'));
    expect([written.uid, written.gid]).toEqual([1000, 0]);
    const again = await deployment.startConfined(service);
    await again.untilHealthy();
    await using reader = clientOf(deployment);
    expect((await infoOf(reader)).queues).toEqual({ default: 1 });
  });

  /** 500 jobs in queues, 20 scheduled and 10 that failed, stored as the all in one file stores them. */
  async function fillWithoutAppendOnlyFiles(deployment: Deployment, { stop = true } = {}): Promise<Info> {
    const { faktory: service } = await resolveCompose('docker-compose.yml', { FAKTORY_PASSWORD: PASSWORD });
    const faktory = await deployment.start('faktory', service!);
    await faktory.untilHealthy();
    await using client = clientOf(deployment);
    const jobs = Array.from({ length: 510 }, (_, at) => ({
      jobtype: 'add',
      args: [at],
      queue: `q${at % 3}`,
    }));
    await Promise.all(jobs.map((job) => client.push(job)));
    const at = new Date('2099-01-01').toISOString();
    await Promise.all(jobs.slice(0, 20).map((job) => client.push({ ...job, at })));
    for (let failing = 0; failing < 10; failing++) {
      const job = await client.fetch('q0');
      await client.fail(job!.jid, new Error('tried and failed'));
    }
    const info = await infoOf(client);
    expect(info.sets).toMatchObject({ scheduled: 20, retries: 10 });
    if (stop) await stopped(faktory);
    return info;
  }

  async function stopped(faktory: PlayedService): Promise<void> {
    expect(await faktory.process.stop('SIGTERM', { timeoutMs: 35_000 })).toEqual({ code: 0, signal: null });
  }
});

/** Whether this machine lets us confine a process; noted where it does not. */
function canConfine(): boolean {
  const confined = join(REPOSITORY, 'test/deploy/confined.sh');
  if (spawnSync(confined, ['/', '65534:65534', '--', 'true']).status === 0) return true;
  noteLeftOut("the server file's Faktory, confined: it needs root, mount namespaces and overlays");
  return false;
}

async function serverFaktory(variables: Record<string, string> = {}): Promise<Service> {
  const given = { BIND_IP: '192.0.2.10', FAKTORY_PASSWORD: PASSWORD, ...variables };
  return (await resolveCompose('docker-compose.server.yml', given)).faktory!;
}

function clientOf({ faktory }: Deployment): Client {
  return new Client({ url: `tcp://:${PASSWORD}@127.0.0.1:${faktory.port}`, logger: false });
}

interface Info {
  queues: Record<string, number>;
  sets: Record<string, number>;
}

async function infoOf(client: Client): Promise<Info> {
  const { queues, sets } = ((await client.info()) as unknown as { faktory: Info }).faktory;
  return { queues, sets };
}

async function askRedis(data: string, command: string): Promise<string> {
  await using child = startProcess('redis-cli', ['-s', join(data, 'redis.sock'), ...command.split(' ')]);
  await child.waitForExit();
  return child.output;
}

/** Until Redis has handed all that it answered for to the system, whose it is from then on. */
async function untilWritten(data: string): Promise<void> {
  const written = async () => {
    const info = await askRedis(data, 'info persistence');
    return /aof_buffer_length:0\b/.test(info) && /aof_pending_bio_fsync:0\b/.test(info);
  };
  await until(written, { what: 'the append-only file written' });
}

async function killRedis(data: string): Promise<void> {
  const pid = Number(/process_id:(\d+)/.exec(await askRedis(data, 'info server'))?.[1]);
  process.kill(pid, 'SIGKILL');
  await until(() => !isAlive(pid));
}

/** Runs a line of a shell to its end, the tools first on its PATH; rejects with what it said when it fails. */
async function ranInShell(line: string, tools: string): Promise<string> {
  const path = [tools, process.env.PATH].join(delimiter);
  await using child = startProcess('sh', ['-c', line], { env: { PATH: path } });
  const { code } = await child.waitForExit({ timeoutMs: 30_000 });
  if (code !== 0) throw new Error(child.output);
  return child.output;
}
