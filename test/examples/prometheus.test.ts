/** examples/prometheus and docs/operations.md name what there is: metrics, labels, anchors, log lines, commands. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ProcessesRegistry } from '../../src/cli/processes-metrics.ts';
import { createProgram } from '../../src/cli/program.ts';
import { addQueueMetrics } from '../../src/connection/queue-metrics.ts';
import { newRegistry } from '../../src/metrics.ts';
import { addWorkerMetrics } from '../../src/worker/metrics.ts';
import { Worker } from '../../src/worker/worker.ts';
import { Service } from '../api/service.ts';
import { parseYaml } from './plain-yaml.ts';
import { type Expression, readExpression } from './promql.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');
const EXAMPLE = 'examples/prometheus';

interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: { summary: string; runbook: string };
}
interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { uid: string };
  targets?: { expr: string; datasource: { uid: string } }[];
}
interface Dashboard {
  templating: { list: { name: string; type: string; query: string | { query: string } }[] };
  panels: Panel[];
}

const { groups } = parseYaml(read(`${EXAMPLE}/rules.yml`)) as unknown as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read(`${EXAMPLE}/grafana.json`)) as Dashboard;
const operations = read('docs/operations.md');

/** What one process shows: of each metric its kind, its labels, and which values of these were seen. */
interface Metric {
  readonly kind: string;
  readonly labels: Map<string, Set<string>>;
}
type Exposed = Map<string, Metric>;

/** The text format of Prometheus; the series of a histogram are counted among its metric's. */
function addExposed(exposed: Exposed, text: string): void {
  for (const [, name, kind] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    if (!exposed.has(name!)) exposed.set(name!, { kind: kind!, labels: new Map() });
  }
  for (const [, name, labels = ''] of text.matchAll(/^([a-z]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const metric = metricOf(exposed, name!);
    for (const [, label, value] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      const values = metric!.labels.get(label!) ?? new Set();
      metric!.labels.set(label!, values.add(value!));
    }
  }
}

function metricOf(exposed: Exposed, series: string): Metric | undefined {
  const exact = exposed.get(series);
  if (exact !== undefined) return exact.kind === 'histogram' ? undefined : exact;
  const histogram = exposed.get(series.replace(/_(bucket|sum|count)$/, ''));
  return histogram?.kind === 'histogram' ? histogram : undefined;
}

const exposed: Exposed = new Map();

beforeAll(async () => {
  const worker = new Worker({ breakers: { default: {} }, logger: false, trapSignals: false });
  const registry = newRegistry();
  addWorkerMetrics(registry, worker);
  addQueueMetrics(registry, async () => ({
    askedAt: 0,
    queues: { default: { size: 1, latencySeconds: 1 } },
    sets: { scheduled: 0, working: 0, retries: 0, dead: 0 },
  }));
  addExposed(exposed, await registry.metrics());

  for (const kind of ['api', 'worker'] as const) {
    const processes = { alive: 2, replaced: 0, metrics: async () => new Map() };
    addExposed(exposed, await new ProcessesRegistry(processes, kind).metrics());
  }

  await using service = await Service.start();
  expect((await service.post('/jobs/add', '{"a":1}')).statusCode).toBe(202);
  addExposed(exposed, (await service.get('/metrics')).body);
});

/** Put on each series by Prometheus, or made by it. */
const SCRAPE_LABELS = ['instance', 'job'];
const OF_PROMETHEUS = 'up';

function checkNames({ selectors, grouping }: Expression): void {
  const known = new Set(SCRAPE_LABELS);
  for (const { metric: series, matchers } of selectors) {
    const metric = metricOf(exposed, series);
    if (series !== OF_PROMETHEUS) expect(metric, `the metric ${series}`).toBeDefined();
    for (const label of metric?.labels.keys() ?? []) known.add(label);
    for (const { label, op, value } of matchers) {
      if (SCRAPE_LABELS.includes(label)) continue;
      const seen = metric?.labels.get(label);
      expect(seen, `the label ${label} of ${series}`).toBeDefined();
      if (op === '=') expect([...seen!], `values of ${label} of ${series}`).toContain(value);
    }
  }
  expect([...known]).toEqual(expect.arrayContaining([...grouping]));
}

/** As GitHub makes them of headings. */
const anchors = [...operations.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
  title!
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-'),
);

it('prometheus.yml loads rules.yml and finds the services of the compose files', () => {
  const config = parseYaml(read(`${EXAMPLE}/prometheus.yml`)) as unknown as {
    rule_files: string[];
    scrape_configs: { job_name: string; dns_sd_configs: { names: string[]; type: string; port: number }[] }[];
  };
  expect(config.rule_files).toEqual(['rules.yml']);
  const found = config.scrape_configs.map(({ job_name, dns_sd_configs: [dns] }) => ({ job_name, ...dns! }));
  expect(found).toMatchObject([
    { job_name: 'millrace-api', names: ['api-service'], type: 'A', port: 9090 },
    { job_name: 'millrace-worker', names: ['worker-service'], type: 'A', port: 9090 },
  ]);
  const compose = read('docker-compose.yml');
  for (const { names } of found) expect(compose).toContain(`\n  ${names[0]}:\n`);
  expect(compose).toContain('METRICS_PORT:-9090');
});

it('docker-compose.prometheus.yml lets Prometheus reach every process, and names its image by a tag', () => {
  const { services } = parseYaml(read(`${EXAMPLE}/docker-compose.prometheus.yml`)) as unknown as {
    services: Record<string, { environment?: string[]; image?: string }>;
  };
  expect(services['api-service']?.environment).toEqual(['METRICS_HOST=0.0.0.0']);
  expect(services['worker-service']?.environment).toEqual(['METRICS_HOST=0.0.0.0']);
  expect(services.prometheus?.image).toMatch(/prom\/prometheus:v\d+\.\d+\.\d+\}$/);
});

describe('rules.yml', () => {
  it('has alerts of different names', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it.each(rules)('$alert asks for metrics and labels that there are', ({ expr }) => {
    checkNames(readExpression(expr));
  });

  it.each(rules)('$alert has a time, a severity, and tells where and what to do', (rule) => {
    expect(rule.for).toMatch(/^\d+[sm]$/);
    expect(rule.labels.severity).toMatch(/^(critical|warning|info)$/);
    // What is Faktory's, or is not there at all, has no instance.
    const { grouping } = readExpression(rule.expr);
    const names = /^(Queue|Retries)/.test(rule.alert) ? grouping[0]! : 'instance';
    const where = rule.alert === 'NoProcess' ? 'job' : names;
    expect(rule.annotations.summary).toContain(`{{ $labels.${where} }}`);
    expect(rule.annotations.runbook).toBe(`docs/operations.md#${rule.alert.toLowerCase()}`);
    expect(anchors).toContain(rule.alert.toLowerCase());
  });

  it('uses no label in a summary that the expression has lost', () => {
    for (const { expr, annotations } of rules) {
      const { grouping, selectors } = readExpression(expr);
      const labels = selectors.flatMap(({ metric }) => [...(metricOf(exposed, metric)?.labels.keys() ?? [])]);
      const left = /\bby\b/.test(expr) ? [...grouping] : [...labels, ...SCRAPE_LABELS];
      for (const [, label] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) expect(left).toContain(label);
    }
  });
});

describe('grafana.json', () => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');

  it.each(panels)('$title asks for metrics and labels that there are', ({ targets = [] }) => {
    expect(targets.length).toBeGreaterThan(0);
    for (const { expr } of targets) checkNames(readExpression(expr));
  });

  it('has the data source as a variable', () => {
    const { list } = dashboard.templating;
    expect(list.find(({ type }) => type === 'datasource')).toMatchObject({
      name: 'datasource',
      query: 'prometheus',
    });
    for (const panel of panels) {
      for (const { datasource } of [panel, ...panel.targets!])
        expect(datasource?.uid).toMatch(/^\$\{datasource\}$/);
    }
    for (const { query } of list) {
      if (typeof query === 'string') continue;
      const [, expr, label] = /^label_values\((.*), (\w+)\)$/.exec(query.query)!;
      checkNames(readExpression(expr!));
      expect(SCRAPE_LABELS).toContain(label);
    }
  });

  it('has panels of different ids that do not overlap', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      const { x, y, w, h } = gridPos;
      expect(x + w).toBeLessThanOrEqual(24);
      for (let cell = 0; cell < w * h; cell += 1) {
        const place = `${x + (cell % w)},${y + Math.floor(cell / w)}`;
        expect(taken.get(place), `${title} at ${place}`).toBeUndefined();
        taken.set(place, title);
      }
    }
  });
});

describe('docs/operations.md', () => {
  it('has a section for each alert, and none for others', () => {
    const [, alerts = ''] = /^## Alerts\n([\s\S]*?)\n## /m.exec(operations) ?? [];
    const sections = [...alerts.matchAll(/^### (.+)$/gm)].map(([, title]) => title);
    expect(sections).toEqual(rules.map(({ alert }) => alert));
  });

  it('links to sections and files that there are', () => {
    for (const [, anchor] of operations.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(anchor);
    for (const [, path] of operations.matchAll(/\]\((\.\.[^)#]+)/g))
      expect(() => readdirSync(join(ROOT, 'docs', path!))).not.toThrow();
  });

  it('tells of every metric of our own, and of those of Node that the rules and the dashboard use', () => {
    const [, table = ''] = /^## Metrics\n([\s\S]*)$/m.exec(operations) ?? [];
    const told = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name!);
    const own = [...exposed.keys()].filter((name) => name.startsWith('millrace_'));
    expect(told.filter((name) => name.startsWith('millrace_')).sort()).toEqual(own.sort());
    const queries = dashboard.templating.list.flatMap(({ query }) =>
      typeof query === 'string' ? [] : [query.query.slice('label_values('.length).replace(/, \w+\)$/, '')],
    );
    const exprs = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    const used = [...rules.map(({ expr }) => expr), ...exprs, ...queries]
      .flatMap((expr) => readExpression(expr).selectors)
      .map(({ metric }) => metric)
      .filter((name) => /^(process|nodejs)_/.test(name));
    expect(told.filter((name) => !name.startsWith('millrace_')).sort()).toEqual([...new Set(used)].sort());
  });

  it('names metrics that there are', () => {
    for (const [, expr] of operations.matchAll(/`((?:millrace|process|nodejs)_[^`…]+)`/g))
      checkNames(readExpression(expr!.replace(/^(\w+)$/, (name) => seriesOf(name))));
  });

  const code = sourcesOf('src').replace(/^\s*(\/\*|\*|\/\/).*$/gm, '');
  const logged = [...operations.matchAll(/^```log\n([\s\S]*?)^```$/gm)].flatMap(([, block]) =>
    block!.trim().split('\n'),
  );

  it.each(logged)('quotes what the code logs: %s', (line) => {
    for (const piece of line.split('…')) expect(unknownOf(code, piece)).toEqual([]);
  });

  it('names commands and settings that there are', () => {
    const program = createProgram();
    const commands = [...operations.matchAll(/\bmillrace (dead|retries|scheduled) (\w+)/g)];
    expect(commands.length).toBeGreaterThan(2);
    for (const [, set, name] of commands) {
      const command = program.commands.find((each) => each.name() === set);
      expect(command!.commands.map((each) => each.name())).toContain(name);
    }
    const settings = `${read('src/config.ts')}${read('docker-compose.yml')}${read('docker-compose.server.yml')}${code}`;
    for (const [name] of operations.matchAll(/\b[A-Z]{3,}(_[A-Z]+)+\b/g)) expect(settings).toContain(name);
  });
});

/** A histogram is named as a whole in prose. */
function seriesOf(name: string): string {
  return exposed.get(name)?.kind === 'histogram' ? `${name}_count` : name;
}

function sourcesOf(folder: string): string {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => read(join(folder, name)))
    .join('\n');
}

/** The parts of a line that stand nowhere in the code: one line may be put together at its colons and semicolons. */
function unknownOf(code: string, piece: string): string[] {
  const bare = piece.replace(/^[\s:;.()]+|[\s:;.()]+$/g, '');
  if (bare.length < 4 || code.includes(bare)) return [];
  const parts = bare.split(/[:;] /);
  return parts.length === 1 ? [bare] : parts.flatMap((part) => unknownOf(code, part));
}
