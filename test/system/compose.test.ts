import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeSetting, SETTING_NAMES, type SettingName } from '../../src/config.ts';
import {
  COMPOSE_FILES,
  type ComposeFile,
  Deployment,
  describeCompose,
  type PlayedService,
  REPOSITORY,
  resolveCompose,
} from '../helpers/compose.ts';
import { startProcess } from '../helpers/process.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { until } from '../helpers/until.ts';
import { connectTo, GIVEN, KEYED, portsOf, startAll, untilStopped } from './deployments.ts';
import { millrace } from './millrace.ts';

/** Read by compose itself, or by Faktory and its wrapper; everything else must be a setting of millrace. */
const COMPOSE_ONLY = new Set([
  ...['FAKTORY_SERVER_IP', 'BIND_IP', 'FAKTORY_SCHEME', 'FAKTORY_PORT', 'FAKTORY_WEB_PORT'],
  'HANDLERS_DIR',
  ...['FAKTORY_CPUS', 'FAKTORY_MEMORY', 'API_MEMORY', 'WORKER_MEMORY', 'FAKTORY_USER'],
  ...['FAKTORY_IMAGE', 'NODE_IMAGE', 'MILLRACE_IMAGE', 'FAKTORY_FSYNC'],
  ...['REDIS_IMAGE', 'REDIS_MEMORY', 'REDIS_PASSWORD'],
]);
/** Compose's own, told in the heads. */
const OF_COMPOSE = new Set(['COMPOSE_PROFILES']);
/** In the environment of containers that are not ours. */
const OF_OTHERS: Record<string, readonly string[]> = {
  faktory: ['FAKTORY_PASSWORD', 'FAKTORY_SKIP_PASSWORD', 'FAKTORY_FSYNC', 'PATH'],
  redis: ['REDISCLI_AUTH'],
};

/** Where a file's default is meant to differ from the configuration's own. */
const DIFFERENT: Partial<Record<ComposeFile, Partial<Record<SettingName, string>>>> = {
  'docker-compose.yml': { WORKER_CONCURRENCY: '50' },
};
/** No default of the configuration's own: what the container is. */
const OF_THE_CONTAINER = ['HANDLERS_FILE', 'METRICS_PORT'];

describeCompose('the compose files', () => {
  it.each(COMPOSE_FILES)(
    '%s names no variable that nobody reads, and tells each in its head',
    async (file) => {
      const text = await readFile(join(REPOSITORY, file), 'utf8');
      const used = [...text.matchAll(/\$\{(\w+)/g)].map((match) => match[1]!);
      expect(used.filter((name) => !isSetting(name) && !COMPOSE_ONLY.has(name))).toEqual([]);
      const head = text.slice(0, text.search(/^[^#]/m));
      const told = new Set([...head.matchAll(/\b([A-Z]+_[A-Z_]+|[A-Z]+(?==))/g)].map((match) => match[1]!));
      expect(used.filter((name) => !told.has(name))).toEqual([]);
      expect([...told].filter((name) => !used.includes(name) && !OF_COMPOSE.has(name))).toEqual([]);
      expect(head).toMatch(/^# {3}docker-compose .*up -d --build/m);
    },
  );

  it.each(COMPOSE_FILES)('%s says of every value the default that it has', async (file) => {
    const text = await readFile(join(REPOSITORY, file), 'utf8');
    const head = text.slice(0, text.search(/^[^#]/m));
    for (const [, name, value] of text.matchAll(/\$\{(\w+):-([^}]*)\}/g)) {
      expect(`${head} `).toMatch(new RegExp(`\\b${name}=${value}[ ,\\n]`));
    }
  });

  it.each(COMPOSE_FILES)(
    '%s hands every service settings that it reads, by their own defaults',
    async (file) => {
      const services = await resolveCompose(file, KEYED[file]);
      for (const [name, { environment }] of Object.entries(services)) {
        const settings = Object.keys(environment).filter((key) => !OF_OTHERS[name]?.includes(key));
        expect(settings.filter((key) => !isSetting(key))).toEqual([]);
        const text = await readFile(join(REPOSITORY, file), 'utf8');
        for (const key of settings as SettingName[]) {
          const fallback = new RegExp(`\\$\\{${key}:-([^}]+)\\}`).exec(text)?.[1];
          if (fallback === undefined || OF_THE_CONTAINER.includes(key)) continue;
          expect([key, fallback]).toEqual([key, DIFFERENT[file]?.[key] ?? describeSetting(key).fallback]);
        }
      }
    },
  );

  it('take another value for everything', async () => {
    const given = {
      ...{ WORKER_CONCURRENCY: '7', BATCH_MAX_SIZE: '8', BATCH_AUTO_ENABLED: 'false', METRICS_PORT: '9091' },
      ...{ FAKTORY_CPUS: '8.0', FAKTORY_IMAGE: 'contribsys/faktory:1.9.4', API_PORT: '3001', JOB_RETRY: '5' },
      ...{ HANDLERS_DIR: '/srv/handlers', HANDLERS_FILE: '/handlers/index.js', WORKER_QUEUES: 'a:3,b:1' },
      CONTRACT_FILE: '/handlers/jobs.js',
    };
    const services = await resolveCompose('docker-compose.yml', given);
    const worker = services['worker-service']!;
    expect(worker.environment).toMatchObject({
      ...{ WORKER_CONCURRENCY: '7', METRICS_PORT: '9091', WORKER_QUEUES: 'a:3,b:1' },
      HANDLERS_FILE: '/handlers/index.js',
      CONTRACT_FILE: '/handlers/jobs.js',
    });
    expect(worker.volumes).toEqual(['/srv/handlers:/handlers:ro']);
    const api = services['api-service']!;
    expect(api.volumes).toEqual(['/srv/handlers:/handlers:ro']);
    expect(api.environment).toMatchObject({
      CONTRACT_FILE: '/handlers/jobs.js',
      BATCH_MAX_SIZE: '8',
      BATCH_AUTO_ENABLED: 'false',
      JOB_RETRY: '5',
    });
    expect(api.ports).toEqual(['127.0.0.1:3001:3000/tcp']);
    expect(services.faktory).toMatchObject({ cpus: 8, image: 'contribsys/faktory:1.9.4' });
  });

  it('reach a Faktory with TLS before it', async () => {
    const given = { ...GIVEN['docker-compose.worker.yml'], FAKTORY_SCHEME: 'tcp+tls', FAKTORY_PORT: '443' };
    const { 'worker-service': worker } = await resolveCompose('docker-compose.worker.yml', given);
    expect(worker!.environment.FAKTORY_URL).toBe('tcp+tls://faktory-server:443');
  });

  it.each([
    ['docker-compose.server.yml', 'BIND_IP'],
    ['docker-compose.server.yml', 'FAKTORY_PASSWORD'],
    ['docker-compose.worker.yml', 'FAKTORY_SERVER_IP'],
    ['docker-compose.worker.yml', 'FAKTORY_PASSWORD'],
  ] as const)('%s without %s is refused, by its name', async (file, name) => {
    const { [name]: _left, ...others } = GIVEN[file];
    await expect(resolveCompose(file, others)).rejects.toThrow(new RegExp(`: set ${name} `));
  });

  it.each(COMPOSE_FILES)('%s confines every service, and lets it be scaled and stopped', async (file) => {
    const text = await readFile(join(REPOSITORY, file), 'utf8');
    expect(text).not.toContain('container_name');
    for (const service of Object.values(await resolveCompose(file, KEYED[file]))) {
      expect(service).toMatchObject({
        ...{ restart: 'always', stop_grace_period: '35s', read_only: true, tmpfs: ['/tmp'], init: true },
        ...{ cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], pids_limit: 1024 },
        ...{ mem_limit: expect.stringMatching(/^\dg$/) },
      });
      expect(service.healthcheck.test[0]).toBe('CMD');
      expect(service).not.toHaveProperty('privileged');
    }
  });

  it('publish what they should, where they should', async () => {
    const ports = (file: ComposeFile) => portsOf(file, GIVEN[file]);
    expect(await ports('docker-compose.yml')).toEqual({
      faktory: ['127.0.0.1:7419:7419/tcp', '127.0.0.1:7420:7420/tcp'],
      'api-service': ['127.0.0.1:3000:3000/tcp'],
      'worker-service': undefined,
    });
    expect(await ports('docker-compose.server.yml')).toEqual({
      faktory: ['192.0.2.10:7419:7419/tcp', '127.0.0.1:7420:7420/tcp'],
      'api-service': ['192.0.2.10:3000:3000/tcp'],
    });
    expect(await ports('docker-compose.worker.yml')).toEqual({ 'worker-service': undefined });
  });

  it('give the values of the document', async () => {
    const all = await resolveCompose('docker-compose.yml');
    const server = await resolveCompose('docker-compose.server.yml', GIVEN['docker-compose.server.yml']);
    const workers = await resolveCompose('docker-compose.worker.yml', GIVEN['docker-compose.worker.yml']);
    const batch = { BATCH_MAX_SIZE: '100', BATCH_MAX_DELAY_MS: '50', BATCH_AUTO_ENABLED: 'true' };
    expect(all['worker-service']!.environment).toMatchObject({ WORKER_CONCURRENCY: '50' });
    expect(all['api-service']!.environment).toMatchObject({ ...batch, API_INSECURE: 'true' });
    expect(all.faktory).toMatchObject({ cpus: 2, image: 'contribsys/faktory:1.10.0' });
    expect(server['api-service']!.environment).toMatchObject({ ...batch, API_INSECURE: 'false' });
    expect(server.faktory).toMatchObject({ cpus: 4, image: 'contribsys/faktory:1.10.0' });
    expect(workers['worker-service']!.environment).toMatchObject({
      FAKTORY_URL: 'tcp://faktory-server:7419',
      WORKER_CONCURRENCY: '500',
    });
  });

  it('keep what is stored in a volume where Faktory stores it, each in one of its own', async () => {
    const volume = async (file: ComposeFile) => {
      const { faktory } = await resolveCompose(file, GIVEN[file]);
      // In development its storage would be in a home folder, whatever is mounted.
      expect(faktory!.command.join(' ')).toContain('-e production');
      return faktory!.volumes!.find((one) => !one.startsWith('/'));
    };
    expect(await volume('docker-compose.yml')).toBe('faktory-data:/var/lib/faktory/db:rw');
    expect(await volume('docker-compose.server.yml')).toBe('faktory-append-only:/var/lib/faktory/db:rw');
  });

  it('start no API on the server that asks for no token, unless told so', async () => {
    const { API_TOKEN: _token, ...given } = GIVEN['docker-compose.server.yml'];
    const { 'api-service': api } = await resolveCompose('docker-compose.server.yml', given);
    await using refused = millrace(api!.command, { env: { ...api!.environment } });
    expect(await refused.waitForExit()).toEqual({ code: 1, signal: null });
    expect(refused.output).toMatch(/API_HOST is "0\.0\.0\.0".*set API_TOKEN, or API_INSECURE=true/);
    const told = { ...given, API_INSECURE: 'true' };
    const { 'api-service': open } = await resolveCompose('docker-compose.server.yml', told);
    expect(open!.environment.API_INSECURE).toBe('true');
  });
});

describeCompose('a deployment', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-compose-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

  it('all in one runs the jobs of the document, and stops', async () => {
    const services = await resolveCompose('docker-compose.yml');
    await using deployment = await Deployment.create(join(folder, 'all'));
    const { faktory, api, worker } = await startAll(deployment, services);
    await worker.process.waitForLine(/Concurrency: 50 jobs per worker/);
    await submit(deployment, 1, 200);
    await untilDone([worker], 200);
    for (const service of [worker, api, faktory]) await untilStopped(service);
    expect(await worker.isHealthy()).toBe(false);
  });

  it('of a server and two scaled workers runs them, by password and token', async () => {
    const server = await resolveCompose('docker-compose.server.yml', GIVEN['docker-compose.server.yml']);
    const workers = await resolveCompose('docker-compose.worker.yml', GIVEN['docker-compose.worker.yml']);
    await using deployment = await Deployment.create(join(folder, 'server'), 'faktory-server');
    const { faktory, api, worker } = await startAll(deployment, { ...server, ...workers });
    const second = await deployment.start('worker-service', workers['worker-service']!);
    await second.untilHealthy();
    for (const one of [worker, second]) await one.process.waitForLine(/Concurrency: 500 jobs per worker/);

    expect(await curl(deployment, 'add', '{"a": 1, "b": 2}')).toContain('UNAUTHORIZED');
    await submit(deployment, 1, 200, 't0ken');
    await untilDone([worker, second], 200);
    // Scaled down to one, and the one is enough: which of them is no matter.
    await untilStopped(worker);
    await submit(deployment, 201, 300, 't0ken');
    await untilDone([worker, second], 300);

    // Without the password nobody comes in.
    await using stranger = await RawClient.connect(deployment.faktory);
    expect(await stranger.reply()).toContain('"s":"');
    stranger.send('HELLO {"v":2,"wid":"stranger","pid":1,"hostname":"h","labels":[]}');
    expect(await stranger.reply()).toBe('-ERR Invalid password\r\n');
    for (const service of [second, api, faktory]) await untilStopped(service);
    expect(faktory.process.output).not.toContain('s3cret');
  });

  it('is unhealthy while Faktory is away, and comes back by itself', async () => {
    const services = await resolveCompose('docker-compose.yml');
    await using deployment = await Deployment.create(join(folder, 'back'));
    const { faktory, api, worker } = await startAll(deployment, services);
    await untilStopped(faktory);
    for (const service of [api, worker]) await until(async () => !(await service.isHealthy()));
    const again = await deployment.start('faktory', services.faktory!);
    for (const service of [again, api, worker]) await service.untilHealthy();
    await submit(deployment, 1, 20);
    await untilDone([worker], 20);
  });
});

/** The document's loop, from a container of the network: its words, its bytes. */
async function submit(deployment: Deployment, first: number, last: number, token?: string): Promise<void> {
  const line = `for i in {${first}..${last}}; do
    curl -s -X POST http://api-service:3000/jobs/add \\
      -d "{\\"a\\": $i, \\"b\\": $i}" ${connectTo(deployment, token)} &
  done
  wait`;
  await using loop = startProcess('bash', ['-c', line]);
  expect(await loop.waitForExit({ timeoutMs: 30_000 })).toEqual({ code: 0, signal: null });
  expect(loop.output.match(/"jid"/g)).toHaveLength(last - first + 1);
}

async function curl(deployment: Deployment, jobtype: string, body: string): Promise<string> {
  const line = `curl -s -X POST http://api-service:3000/jobs/${jobtype} -d '${body}' ${connectTo(deployment)}`;
  await using child = startProcess('bash', ['-c', line]);
  await child.waitForExit();
  return child.output;
}

/** Until the example handler has logged the jobs 1 to `last`, each once, on whichever of the workers. */
async function untilDone(workers: readonly PlayedService[], last: number): Promise<void> {
  const done = (): number[] =>
    workers
      .flatMap(({ process }) => process.lines)
      .map((line) => /\{"jobtype":"add","a":(\d+),"b":\1,"result":\d+\}/.exec(line)?.[1])
      .filter((a) => a !== undefined)
      .map(Number);
  await until(() => done().length >= last, { what: () => `${last} jobs done, only ${done().length}` });
  expect(done().toSorted((a, b) => a - b)).toEqual(Array.from({ length: last }, (_, at) => at + 1));
}

function isSetting(name: string): name is SettingName {
  return (SETTING_NAMES as readonly string[]).includes(name);
}
