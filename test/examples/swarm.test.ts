/** examples/swarm/stack.yml fits the settings and the compose files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig, SETTING_NAMES } from '../../src/config.ts';
import { readRepositoryFile } from './manifests.ts';

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly configs?: readonly { readonly source: string; readonly target: string }[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly deploy: {
    readonly replicas: number;
    readonly update_config: { readonly order: string };
    readonly placement?: { readonly constraints: readonly string[] };
    readonly resources: { readonly limits: { readonly memory: string } };
  };
}
interface Stack {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly external: boolean }>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
}

const FOLDER = 'examples/swarm';
const text = readRepositoryFile(`${FOLDER}/stack.yml`);
const { services, secrets, configs } = parse(text, { merge: true }) as Stack;
const compose = readRepositoryFile('docker-compose.server.yml');
const head = text.slice(0, text.search(/^[^#]/m));

describe('examples/swarm/stack.yml', () => {
  it.each(Object.entries(services))('confines %s, and lets it stop', (_name, service) => {
    expect(service).toMatchObject({
      ...{ init: true, read_only: true, tmpfs: ['/tmp'], cap_drop: ['ALL'], stop_grace_period: '35s' },
      deploy: {
        restart_policy: { condition: 'any' },
        resources: { limits: { memory: expect.stringMatching(/^\dg$/) } },
      },
    });
  });

  it('says of its variables what they are when unset', () => {
    const used = [...text.matchAll(/\$\{(\w+)(?::-([^}]*))?/g)];
    for (const [, name, fallback] of used) {
      expect(`${head} `).toMatch(
        new RegExp(fallback === undefined ? `\\b${name} ` : `\\b${name}=${fallback}[ ,\n]`),
      );
    }
  });

  it.each(['api', 'worker'] as const)(
    'hands %s settings that there are, with values that it takes',
    (name) => {
      const environment = Object.fromEntries(
        Object.entries(services[name]!.environment!).map(([key, value]) => [
          key,
          value.replace(/^\$\{\w+:-(.*)\}$/, '$1'),
        ]),
      );
      expect(
        Object.keys(environment).filter((key) => !(SETTING_NAMES as readonly string[]).includes(key)),
      ).toEqual([]);
      expect(readConfig(environment)).toMatchObject({ PARTITIONS: 16 });
    },
  );

  it('keeps secrets in files, each handed to whom it names', () => {
    expect(Object.values(secrets)).toEqual([{ external: true }, { external: true }, { external: true }]);
    for (const { secrets: handed, ...service } of Object.values(services)) {
      const named = [...JSON.stringify(service).matchAll(/\/run\/secrets\/(\w+)/g)].map(
        ([, secret]) => secret!,
      );
      expect([...new Set(named)].sort()).toEqual([...handed].sort());
    }
    for (const secret of Object.keys(secrets))
      expect(head).toMatch(new RegExp(`for secret in [^;]*\\b${secret}\\b`));
  });

  it('runs what the compose files run, with the wrapper of Faktory’s Redis', () => {
    for (const name of ['faktory', 'redis']) expect(compose).toContain(`:-${services[name]!.image}}`);
    const words = services.faktory!.command.map((word) => `"${word}"`).join(', ');
    expect(compose).toContain(`command: [${words}]`);
    for (const { source, target } of services.faktory!.configs!) {
      expect(target).toBe(`/opt/millrace/${source}`);
      expect(existsSync(join(import.meta.dirname, '../..', FOLDER, configs[source]!.file))).toBe(true);
    }
  });

  it('never runs two on one volume, and takes no owner from a partition first', () => {
    for (const [name, { volumes = [], deploy }] of Object.entries(services)) {
      expect([name, deploy.update_config.order]).toEqual([
        name,
        volumes.length > 0 ? 'stop-first' : 'start-first',
      ]);
      expect(deploy.placement === undefined).toBe(volumes.length === 0);
      if (volumes.length > 0) expect(deploy.replicas).toBe(1);
    }
    const [, partitions, perPod] = /PARTITIONS=(\d+), PARTITIONS_PER_POD=(\d+)/.exec(head)!;
    expect(services.worker!.deploy.replicas * Number(perPod)).toBeGreaterThanOrEqual(Number(partitions));
  });

  it('publishes the API only', () => {
    const published = Object.entries(services).filter(([, { ports = [] }]) => ports.length > 0);
    expect(published.map(([name]) => name)).toEqual(['api']);
    // Beyond loopback it wants a token.
    expect(services.api!.environment).toMatchObject({ API_TOKEN: '/run/secrets/api_token' });
  });
});
