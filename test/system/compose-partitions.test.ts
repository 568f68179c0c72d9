/** The profile `partitions` of the compose files: what it adds, and that it keeps the order of keys. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { partitionOf } from '../../src/partitions/partition-hash.ts';
import {
  COMPOSE_FILES,
  Deployment,
  describeCompose,
  type PlayedService,
  REPOSITORY,
  resolveCompose,
} from '../helpers/compose.ts';
import { startProcess } from '../helpers/process.ts';
import { until } from '../helpers/until.ts';
import { connectTo, GIVEN, KEYED, portsOf, startAll, untilStopped } from './deployments.ts';

describeCompose('the compose files, with the profile partitions', () => {
  it.each(COMPOSE_FILES)('%s has a Redis more, where Faktory is, and nothing waits for it', async (file) => {
    const without = await resolveCompose(file, GIVEN[file]);
    const services = await resolveCompose(file, KEYED[file]);
    const more = Object.keys(services).filter((name) => without[name] === undefined);
    expect(more).toEqual(without.faktory === undefined ? [] : ['redis']);
    // Else the older docker-compose would start nothing at all without the profile.
    for (const service of Object.values(services)) expect(service.depends_on ?? []).not.toContain('redis');
    // Each in a volume of its own, as Faktory's jobs are: numbers of one are not the other's.
    const volume = { 'docker-compose.yml': 'redis-data', 'docker-compose.server.yml': 'redis-server-data' };
    const wanted = more.map(() => `${volume[file as keyof typeof volume]}:/data:rw`);
    expect(services.redis?.volumes ?? []).toEqual(wanted);
  });

  it('publish it only where workers come from elsewhere', async () => {
    const { redis: all } = await portsOf('docker-compose.yml', KEYED['docker-compose.yml']);
    expect(all).toBeUndefined();
    const server = await portsOf('docker-compose.server.yml', KEYED['docker-compose.server.yml']);
    expect(server.redis).toEqual(['192.0.2.10:6379:6379/tcp']);
  });

  it('hand the settings of partitions to whoever pushes and works', async () => {
    const services = { ...KEYED['docker-compose.yml'], PARTITION_LEASE_TTL_MS: '5000' };
    const all = await resolveCompose('docker-compose.yml', services);
    const both = { PARTITIONS: '16', PARTITION_LEASE_TTL_MS: '5000', REDIS_URL: 'redis://redis:6379' };
    expect(all['api-service']!.environment).toMatchObject(both);
    expect(all['worker-service']!.environment).toMatchObject({ ...both, PARTITIONS_PER_POD: '16' });
  });

  it('start no Redis beyond this network that asks for no password', async () => {
    const { REDIS_PASSWORD: _left, ...given } = KEYED['docker-compose.server.yml'];
    const { redis } = await resolveCompose('docker-compose.server.yml', given);
    const [command, ...args] = redis!.command;
    await using refused = startProcess(command!, args, { env: { ...redis!.environment } });
    expect(await refused.waitForExit()).toEqual({ code: 1, signal: null });
    expect(refused.output).toBe('set REDIS_PASSWORD to a long random text (openssl rand -hex 32)');
  });
});

describeCompose('a deployment with the profile partitions', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-compose-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

  it('all in one runs the jobs of a key in their partition, in order', async () => {
    const services = await resolveCompose('docker-compose.yml', {
      ...{ ...KEYED['docker-compose.yml'], PARTITION_LEASE_TTL_MS: '1000' },
      ...HANDLERS,
    });
    await using deployment = await Deployment.create(join(folder, 'partitions'));
    const redis = await deployment.start('redis', services.redis!);
    await redis.untilHealthy();
    const { worker } = await startAll(deployment, services);
    for (let i = 1; i <= 20; i += 1) await say(deployment, '+5511999990000', i);
    // As docs/partitions.md has it.
    await untilSaid([worker], 'default.4', 20);
    // What it keeps outlives it: the numbers go on.
    await untilStopped(redis);
    const again = await deployment.start('redis', services.redis!);
    await again.untilHealthy();
    for (let i = 21; i <= 30; i += 1) await say(deployment, '+5511999990000', i);
    await untilSaid([worker], 'default.4', 30);
  });

  it('of a server and workers elsewhere shares partitions out, by a password that no list of processes shows', async () => {
    const server = await resolveCompose('docker-compose.server.yml', KEYED['docker-compose.server.yml']);
    const given = { ...KEYED['docker-compose.worker.yml'], ...HANDLERS };
    const workers = await resolveCompose('docker-compose.worker.yml', given);
    await using deployment = await Deployment.create(join(folder, 'keyed'), 'faktory-server');
    const redis = await deployment.start('redis', server.redis!);
    await redis.untilHealthy();
    const { worker } = await startAll(deployment, { ...server, ...workers });
    const second = await deployment.start('worker-service', workers['worker-service']!);
    await second.untilHealthy();
    // More partitions than one worker takes: both must have theirs.
    const keys = Array.from({ length: 16 }, (_, partition) => keyOf(partition, 16));
    for (let i = 1; i <= 3; i += 1) {
      await Promise.all(keys.map((key) => say(deployment, key, i, 't0ken')));
    }
    for (const partition of keys.keys()) await untilSaid([worker, second], `default.${partition}`, 3);
    for (const one of [worker, second]) expect(said([one]).length).toBeGreaterThan(0);

    await using stranger = startProcess('redis-cli', ['-e', '-p', String(deployment.redis.port), 'ping']);
    expect(await stranger.waitForExit()).toEqual({ code: 1, signal: null });
    expect(stranger.output).toContain('NOAUTH');
    const line = await readFile(`/proc/${redis.process.pid}/cmdline`, 'utf8');
    expect(line).toContain('redis-server');
    expect(`${line}${redis.process.output}`).not.toContain('r3dis');
    await untilStopped(redis);
  });
});

/** They tell of their partitions. */
const HANDLERS = {
  HANDLERS_DIR: join(REPOSITORY, 'test/system/fixtures'),
  HANDLERS_FILE: '/handlers/partition-handlers.mjs',
};

/** A key of that partition. */
function keyOf(partition: number, partitions: number): string {
  for (let i = 0; ; i += 1) if (partitionOf(`key-${i}`, partitions) === partition) return `key-${i}`;
}

/** Pushes a job with a key, from a container of the network, and waits until Faktory has it. */
async function say(deployment: Deployment, key: string, n: number, token?: string): Promise<void> {
  const line = `curl -s -X POST http://api-service:3000/jobs/say -H 'Partition-Key: ${key}' \
    -d '{"n": ${n}}' --retry 20 --retry-all-errors --retry-delay 1 ${connectTo(deployment, token)}`;
  await using child = startProcess('bash', ['-c', line]);
  await child.waitForExit({ timeoutMs: 30_000 });
  expect(child.output).toContain('"jid"');
}

interface Said {
  readonly n: number;
  readonly partition: string;
}

/** What the handlers of the fixture have told, by worker. */
function said(workers: readonly PlayedService[]): Said[] {
  return workers
    .flatMap(({ process }) => process.lines)
    .map((line) => /\{"said":.*\}/.exec(line)?.[0])
    .filter((text) => text !== undefined)
    .map((text) => {
      const { said: n, partition } = JSON.parse(text) as { said: number; partition: string };
      return { n, partition };
    });
}

/** Until the jobs 1 to `last` of a partition have run, in this order, on whichever of the workers. */
async function untilSaid(workers: readonly PlayedService[], partition: string, last: number): Promise<void> {
  const done = (): number[] =>
    said(workers)
      .filter((one) => one.partition === partition)
      .map(({ n }) => n);
  await until(() => done().length >= last, {
    timeoutMs: 30_000,
    what: () =>
      `${last} jobs of ${partition}, only ${done()}. The workers' output:\n${workers.map(({ process }) => process.output).join('\n')}`,
  });
  expect(done()).toEqual(Array.from({ length: last }, (_, at) => at + 1));
}
