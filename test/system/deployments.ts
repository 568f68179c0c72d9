/** What the tests of the compose files share: what is given, and a deployment that is up. */
import { expect } from 'vitest';
import {
  type ComposeFile,
  type Deployment,
  type PlayedService,
  resolveCompose,
  type Service,
} from '../helpers/compose.ts';

/** What must be given, by file. */
export const GIVEN: Record<ComposeFile, Record<string, string>> = {
  'docker-compose.yml': {},
  'docker-compose.server.yml': { BIND_IP: '192.0.2.10', FAKTORY_PASSWORD: 's3cret', API_TOKEN: 't0ken' },
  'docker-compose.worker.yml': { FAKTORY_SERVER_IP: 'faktory-server', FAKTORY_PASSWORD: 's3cret' },
};

/** With the profile partitions: what must be given, and what .env then says. */
export const KEYED: Record<ComposeFile, Record<string, string>> = {
  'docker-compose.yml': {
    ...{ COMPOSE_PROFILES: 'partitions', PARTITIONS: '16', PARTITIONS_PER_POD: '16' },
    REDIS_URL: 'redis://redis:6379',
  },
  'docker-compose.server.yml': {
    ...GIVEN['docker-compose.server.yml'],
    ...{ COMPOSE_PROFILES: 'partitions', PARTITIONS: '16', REDIS_PASSWORD: 'r3dis' },
    REDIS_URL: 'redis://:r3dis@redis:6379',
  },
  'docker-compose.worker.yml': {
    ...GIVEN['docker-compose.worker.yml'],
    ...{ PARTITIONS: '16', PARTITIONS_PER_POD: '8', REDIS_URL: 'redis://:r3dis@faktory-server:6379' },
  },
};

export interface Started {
  faktory: PlayedService;
  api: PlayedService;
  worker: PlayedService;
}

export async function startAll(deployment: Deployment, services: Record<string, Service>): Promise<Started> {
  const start = (name: string): Promise<PlayedService> => deployment.start(name, services[name]!);
  const faktory = await start('faktory');
  const api = await start('api-service');
  const worker = await start('worker-service');
  for (const service of [faktory, api, worker]) await service.untilHealthy();
  return { faktory, api, worker };
}

/** As `docker-compose stop`. */
export async function untilStopped(service: PlayedService): Promise<void> {
  expect(await service.process.stop('SIGTERM', { timeoutMs: 35_000 })).toEqual({ code: 0, signal: null });
}

/** What stands for the network's names; and the header, where the API asks for a token. */
export function connectTo(deployment: Deployment, token?: string): string {
  const header = token === undefined ? '' : ` -H "Authorization: Bearer ${token}"`;
  return `--connect-to api-service:3000:127.0.0.1:${deployment.api.port}${header}`;
}

/** Which ports each service publishes. */
export async function portsOf(
  file: ComposeFile,
  given: Record<string, string>,
): Promise<Record<string, readonly string[] | undefined>> {
  const services = Object.entries(await resolveCompose(file, given));
  return Object.fromEntries(services.map(([name, service]) => [name, service.ports]));
}
