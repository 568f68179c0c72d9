/** examples/kubernetes: however many workers there are, every partition has an owner; both autoscalers do the same. */
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { partitionsOfOrdinal } from '../../src/partitions/ordinal.ts';
import { type Container, FOLDER, manifests, named, readRepositoryFile, readYaml } from './manifests.ts';
import { readExpression } from './promql.ts';

const all = manifests();
const readme = readRepositoryFile(`${FOLDER}/README.md`);
const config = readConfig(all.find(({ kind }) => kind === 'ConfigMap')!.data!);

describe('every partition has an owner', () => {
  const enough = (workers: number) => workers * config.PARTITIONS_PER_POD;

  it('at the least number of workers, and more than PARTITIONS there never are', () => {
    const { minReplicas, maxReplicas } = named(all, 'HorizontalPodAutoscaler', 'workers-hpa.yaml').spec;
    const { minReplicaCount, maxReplicaCount } = named(all, 'ScaledObject', 'workers-keda.yaml').spec;
    expect([minReplicaCount, maxReplicaCount]).toEqual([minReplicas, maxReplicas]);
    expect(enough(minReplicas)).toBeGreaterThanOrEqual(config.PARTITIONS);
    expect(maxReplicas).toBeLessThanOrEqual(config.PARTITIONS);
    // An autoscaler and a number here would take turns.
    expect(named(all, 'Deployment', 'workers.yaml').spec.replicas).toBeUndefined();
  });

  it('by the ordinals of the StatefulSet, each one', () => {
    const { replicas, template } = named(all, 'StatefulSet', 'workers-fixed.yaml').spec;
    const owned = Array.from({ length: replicas }, (_, ordinal) =>
      partitionsOfOrdinal(ordinal, config.PARTITIONS_PER_POD, config.PARTITIONS),
    ).flat();
    expect(owned).toEqual(Array.from({ length: config.PARTITIONS }, (_, partition) => partition));
    // With REDIS_URL its pods would share them out.
    const env = (template.spec.containers[0] as Container).env!.map(({ name }) => name);
    expect(env).toEqual(['FAKTORY_PASSWORD']);
  });

  it('and a change of the workers takes none away first', () => {
    const { rollingUpdate } = named(all, 'Deployment', 'workers.yaml').spec.strategy;
    expect(rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
  });
});

describe('the autoscalers', () => {
  /** The table of docs/operations.md; prometheus.test.ts holds it equal to what processes show. */
  const metrics = new Set(
    [...readRepositoryFile('docs/operations.md').matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name!),
  );
  const adapter = readYaml<{ rules: { external: { seriesQuery: string; metricsQuery: string }[] } }>(
    'prometheus-adapter-values.yaml',
  ).rules.external;
  const hpa = named(all, 'HorizontalPodAutoscaler', 'workers-hpa.yaml').spec;
  const keda = named(all, 'ScaledObject', 'workers-keda.yaml').spec;

  it('scale the workers', () => {
    const { kind, metadata } = named(all, 'Deployment', 'workers.yaml');
    expect(hpa.scaleTargetRef).toEqual({ apiVersion: 'apps/v1', kind, name: metadata.name });
    expect(keda.scaleTargetRef).toEqual({ name: metadata.name });
  });

  it('go by metrics that there are, both by the same', () => {
    const ofAdapter = adapter.map(({ seriesQuery }) => seriesQuery);
    expect(ofAdapter.filter((name) => !metrics.has(name))).toEqual([]);
    const external = hpa.metrics.map(
      (each: { external: { metric: { name: string } } }) => each.external.metric.name,
    );
    expect(external).toEqual(ofAdapter);
    const queries = keda.triggers.map(({ metadata }: { metadata: { query: string } }) => metadata.query);
    expect(queries.map((query: string) => readExpression(query).selectors[0]!.metric)).toEqual(ofAdapter);
    // What the adapter asks, with its templates filled in, is what KEDA asks.
    const asked = adapter.map(({ seriesQuery, metricsQuery }) =>
      metricsQuery.replace('<<.Series>>', seriesQuery).replace('<<.LabelMatchers>>', 'namespace="millrace"'),
    );
    expect(queries).toEqual(asked);
  });

  it('have the same targets', () => {
    const ofHpa = hpa.metrics.map(
      ({ external: { target } }: { external: { target: Record<string, string> } }) => [
        target.type,
        target.averageValue ?? target.value,
      ],
    );
    const ofKeda = keda.triggers.map((trigger: { metricType?: string; metadata: { threshold: string } }) => [
      trigger.metricType ?? 'AverageValue',
      trigger.metadata.threshold,
    ]);
    expect(ofKeda).toEqual(ofHpa);
    expect(keda.advanced.horizontalPodAutoscalerConfig.behavior).toEqual(hpa.behavior);
  });

  it('and the README names no metric that there is not', () => {
    for (const [, name] of readme.matchAll(/\b(millrace_(?:queue|partitions)_\w+)\b/g))
      expect(metrics).toContain(name);
  });
});
