/** The manifests of examples/kubernetes, as far as the tests look at them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

const ROOT = join(import.meta.dirname, '../..');

/** A file of the repository, by its path there. */
export function readRepositoryFile(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export const FOLDER = 'examples/kubernetes';
/** Not applied: what puts the others together, and a file for Helm. */
const NO_MANIFESTS = ['kustomization.yaml', 'prometheus-adapter-values.yaml'];

export interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
  readonly exec?: { readonly command: readonly string[] };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
  }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly startupProbe?: Probe;
  readonly resources: { readonly limits: Readonly<Record<string, string>> };
  readonly securityContext: unknown;
}

export interface Pod {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly terminationGracePeriodSeconds: number;
    readonly [key: string]: unknown;
  };
}

export interface Manifest {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  // biome-ignore lint/suspicious/noExplicitAny: a spec is another thing for each kind; the schemas of Kubernetes know them.
  readonly spec: any;
  readonly data?: Readonly<Record<string, string>>;
}

/** Every YAML file of the folder. */
export function files(): string[] {
  return readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith('.yaml'));
}

/** A file of one document. */
export function readYaml<T>(file: string): T {
  return parse(readRepositoryFile(`${FOLDER}/${file}`)) as T;
}

/** All manifests. Throws for what is no YAML. */
export function manifests(): Manifest[] {
  return files()
    .filter((file) => !NO_MANIFESTS.includes(file))
    .flatMap((file) =>
      parseAllDocuments(readRepositoryFile(`${FOLDER}/${file}`), { strict: true }).map((document) => {
        if (document.errors.length > 0) throw document.errors[0];
        return { file, ...(document.toJS() as Omit<Manifest, 'file'>) };
      }),
    );
}

/** Those that make pods, each with its pod. */
export function podsOf(all: readonly Manifest[]): { manifest: Manifest; pod: Pod }[] {
  return all
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    .map((manifest) => ({ manifest, pod: manifest.spec.template as Pod }));
}

/** Whether a selector means what has these labels. */
export function selects(
  selector: {
    matchLabels?: Record<string, string>;
    matchExpressions?: { key: string; operator: string; values: string[] }[];
  },
  labels: Readonly<Record<string, string>>,
): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(
      ({ key, operator, values }) =>
        operator === 'In' && labels[key] !== undefined && values.includes(labels[key]),
    )
  );
}

/** The one of this kind in a file; throws where there is none. */
export function named(all: readonly Manifest[], kind: string, file: string): Manifest {
  const found = all.find((each) => each.kind === kind && each.file === file);
  if (found === undefined) throw new Error(`${file} has no ${kind}`);
  return found;
}
