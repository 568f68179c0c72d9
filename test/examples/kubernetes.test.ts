/** examples/kubernetes: the manifests fit each other, the settings, the metrics and the compose files. */
import { describe, expect, it } from 'vitest';
import { type Config, readConfig, SETTING_NAMES } from '../../src/config.ts';
import {
  type Container,
  FOLDER,
  files,
  manifests,
  named,
  podsOf,
  readRepositoryFile,
  readYaml,
  selects,
} from './manifests.ts';

const all = manifests();
const pods = podsOf(all);
const readme = readRepositoryFile(`${FOLDER}/README.md`);
const settings = all.find(({ kind }) => kind === 'ConfigMap')!.data!;
const config: Config = readConfig(settings);
/** A container of our own image. */
const ours = pods.filter(({ pod }) => pod.spec.containers[0]!.image === 'millrace');

describe('kustomization.yaml', () => {
  const text = readRepositoryFile(`${FOLDER}/kustomization.yaml`);
  const { resources, namespace, images } = readYaml<{
    resources: string[];
    namespace: string;
    images: { name: string }[];
  }>('kustomization.yaml');

  it('lists every file, those that exclude others as comments, and so does the README', () => {
    const left = [...text.matchAll(/^ {2}# - (\S+\.yaml)$/gm)].map(([, name]) => name!);
    const others = ['kustomization.yaml', 'prometheus-adapter-values.yaml'];
    expect([...resources, ...left, ...others].sort()).toEqual(files().sort());
    expect(left.sort()).toEqual(['pod-monitor.yaml', 'workers-fixed.yaml', 'workers-keda.yaml']);
    for (const file of files()) expect(readme).toContain(`\`${file}\``);
  });

  it('needs nothing that a bare cluster does not have', () => {
    const applied = all.filter(({ file }) => resources.includes(file));
    const foreign = applied.filter(({ apiVersion }) => /\.(sh|com)\//.test(apiVersion));
    expect(foreign).toEqual([]);
    const names = applied.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it('names the namespace, in which only confined pods may run, and the image', () => {
    expect(named(all, 'Namespace', 'namespace.yaml').metadata).toEqual({
      name: namespace,
      labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
    });
    expect(images.map(({ name }) => name)).toEqual(['millrace']);
    expect(ours.map(({ manifest }) => manifest.file).sort()).toEqual([
      'api.yaml',
      'workers-fixed.yaml',
      'workers.yaml',
    ]);
  });
});

describe('the pods', () => {
  it.each(pods.map(({ manifest, pod }) => [manifest.file, pod] as const))(
    'of %s are confined',
    (_file, pod) => {
      expect(pod.spec).toMatchObject({
        // Of Services' names variables would be made, and API_PORT is one of ours.
        ...{
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 35,
        },
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const container of pod.spec.containers) {
        expect(container.securityContext).toEqual({
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources.limits.memory).toMatch(/^\dGi$/);
      }
    },
  );

  it.each(ours.map(({ manifest, pod }) => [manifest.file, pod.spec.containers[0]!] as const))(
    'of %s get settings that there are, with values that they take, and every secret by reference',
    (_file, container) => {
      expect(container.envFrom).toEqual([{ configMapRef: { name: 'millrace' } }]);
      const names = [...Object.keys(settings), ...(container.env ?? []).map(({ name }) => name)];
      expect(names.filter((name) => !(SETTING_NAMES as readonly string[]).includes(name))).toEqual([]);
      const literal = (container.env ?? []).filter(({ value }) => value !== undefined);
      expect(() => readConfig({ ...settings, ...valuesOf(literal) })).not.toThrow();
      const secret = /PASSWORD|TOKEN|REDIS_URL/;
      expect(literal.filter(({ name }) => secret.test(name))).toEqual([]);
      expect(Object.keys(settings).filter((name) => secret.test(name))).toEqual([]);
    },
  );

  it('take of the secret what the README puts there', () => {
    const [, block = ''] = /--from-env-file=\/dev\/stdin <<END\n([\s\S]*?)END/.exec(readme) ?? [];
    const made = [...block.matchAll(/^([a-z-]+)=/gm)].map(([, key]) => key!);
    const taken = pods.flatMap(({ pod }) =>
      pod.spec.containers.flatMap(({ env = [] }) =>
        env.flatMap(({ valueFrom }) => (valueFrom === undefined ? [] : [valueFrom.secretKeyRef])),
      ),
    );
    expect(new Set(taken.map(({ name }) => name))).toEqual(new Set(['millrace']));
    expect([...new Set(taken.map(({ key }) => key))].sort()).toEqual(made.sort());
  });

  it.each(ours.map(({ manifest, pod }) => [manifest.file, pod.spec.containers[0]!] as const))(
    'of %s are asked whether they live and whether they are ready, at ports that they have',
    (file, container) => {
      expect(container.livenessProbe.httpGet!.path).toBe('/health');
      expect(container.readinessProbe.httpGet!.path).toBe('/ready');
      const port = container.livenessProbe.httpGet!.port;
      expect(container.readinessProbe.httpGet!.port).toBe(port);
      expect(port).toBe(file === 'api.yaml' ? 'http' : 'metrics');
      expect(portOf(container, 'metrics')).toBe(config.METRICS_PORT);
      if (file === 'api.yaml') expect(portOf(container, 'http')).toBe(config.API_PORT);
      // Probes and Prometheus come from elsewhere.
      expect(config.METRICS_HOST).toBe('0.0.0.0');
    },
  );

  it('run what the compose files run', () => {
    const compose = readRepositoryFile('docker-compose.server.yml');
    for (const file of ['faktory.yaml', 'redis.yaml']) {
      const { image } = named(all, 'StatefulSet', file).spec.template.spec.containers[0] as Container;
      expect(compose).toContain(`:-${image}}`);
    }
    const faktory = named(all, 'StatefulSet', 'faktory.yaml').spec.template.spec.containers[0] as Container;
    expect(compose).toContain(`command: [${faktory.command!.map((word) => `"${word}"`).join(', ')}]`);
    expect(readme).toContain('create configmap faktory-append-only --from-file=deploy/faktory');
  });

  it('end in time: what is waited for before is a part of the grace', () => {
    const api = named(all, 'Deployment', 'api.yaml').spec.template.spec;
    const waited = Number(api.containers[0].lifecycle.preStop.exec.command[1]);
    // The API answers what it took for 25 s at most.
    expect(waited + 25).toBeLessThan(api.terminationGracePeriodSeconds);
    for (const { manifest, pod } of ours)
      if (manifest.file !== 'api.yaml')
        expect(config.WORKER_SHUTDOWN_TIMEOUT_MS + 6_000).toBeLessThan(
          pod.spec.terminationGracePeriodSeconds * 1_000,
        );
  });
});

describe('what connects to what', () => {
  it('is a Service that has its pods, by ports that they have', () => {
    for (const service of all.filter(({ kind }) => kind === 'Service')) {
      const chosen = pods.filter(({ pod }) =>
        selects({ matchLabels: service.spec.selector }, pod.metadata.labels),
      );
      expect(chosen.length).toBeGreaterThan(0);
      for (const { port, targetPort } of service.spec.ports ?? [])
        for (const { pod } of chosen) expect(portOf(pod.spec.containers[0]!, targetPort)).toBe(port);
    }
    const { hostname, port } = new URL(config.FAKTORY_URL);
    expect(named(all, 'Service', 'faktory.yaml')).toMatchObject({
      metadata: { name: hostname },
      spec: { ports: [{ port: Number(port) }] },
    });
    const [, redis] = /^redis-url=(.*)$/m.exec(readme)!;
    expect(redis).toBe(`redis://:$redis@${named(all, 'Service', 'redis.yaml').metadata.name}:6379`);
  });

  const policies = all.filter(({ kind }) => kind === 'NetworkPolicy');

  it.each(policies.map((policy) => [policy.metadata.name, policy.spec] as const))(
    'is let in by the policy %s at ports that the pods have',
    (_name, spec) => {
      const chosen = pods.filter(({ pod }) => selects(spec.podSelector, pod.metadata.labels));
      expect(chosen.length).toBeGreaterThan(0);
      const ports: string[] = (spec.ingress ?? []).flatMap((rule: { ports: { port: string }[] }) =>
        rule.ports.map(({ port }) => port),
      );
      for (const { pod } of chosen)
        for (const port of ports) expect(portOf(pod.spec.containers[0]!, port)).toBeGreaterThan(0);
    },
  );

  it('is nobody else, and what Faktory and Redis must let in is', () => {
    const specOf = (name: string) => policies.find(({ metadata }) => metadata.name === name)!.spec;
    expect(specOf('nobody')).toEqual({ podSelector: {}, policyTypes: ['Ingress'] });
    for (const name of ['faktory', 'redis'])
      for (const { pod } of ours)
        expect(selects(specOf(name).ingress[0].from[0].podSelector, pod.metadata.labels)).toBe(true);
  });

  it('is scraped where it listens', () => {
    const { spec } = named(all, 'PodMonitor', 'pod-monitor.yaml');
    for (const { pod } of ours) {
      expect(selects(spec.selector, pod.metadata.labels)).toBe(true);
      for (const { port } of spec.podMetricsEndpoints)
        expect(portOf(pod.spec.containers[0]!, port)).toBe(config.METRICS_PORT);
    }
    // examples/prometheus asks for jobs of these names.
    const jobs = [
      ...readRepositoryFile('examples/prometheus/prometheus.yml').matchAll(/^ {2}- job_name: (\S+)$/gm),
    ];
    expect(new Set(ours.map(({ pod }) => pod.metadata.labels[spec.jobLabel]))).toEqual(
      new Set(jobs.map(([, name]) => name)),
    );
  });

  it('may be disrupted one by one', () => {
    for (const budget of all.filter(({ kind }) => kind === 'PodDisruptionBudget')) {
      expect(budget.spec.maxUnavailable).toBe(1);
      const { manifest } = ours.find(({ manifest: { file } }) => file === budget.file)!;
      expect(budget.spec.selector).toEqual(manifest.spec.selector);
    }
  });
});

function portOf(container: Container, name: string): number | undefined {
  return container.ports.find((port) => port.name === name)?.containerPort;
}

function valuesOf(env: NonNullable<Container['env']>): Record<string, string> {
  return Object.fromEntries(env.map(({ name, value }) => [name, value!]));
}
