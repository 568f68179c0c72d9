import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * Holds the layout that ARCHITECTURE.md tells: which part may use which, and that there are no circles. A part is
 * a folder of src/. What fails here names the file and its arrow; either the code or this table must change, and
 * the table is the public one.
 */
const MAY_USE: Record<string, readonly string[]> = {
  protocol: [],
  connection: ['protocol'],
  pushing: ['connection', 'protocol'],
  contract: ['protocol'],
  partitions: ['protocol'],
  client: ['partitions', 'pushing', 'connection', 'protocol', 'contract'],
  worker: ['partitions', 'pushing', 'connection', 'protocol', 'contract'],
  api: ['client', 'protocol', 'contract', 'report'],
  embedded: ['protocol'],
  testing: ['embedded', 'client', 'worker', 'partitions', 'protocol', 'contract'],
  report: [],
  bench: ['report', 'client', 'worker', 'embedded', 'connection'],
  load: ['bench', 'report', 'api', 'client', 'worker'],
  cli: [
    'load',
    'bench',
    'api',
    'client',
    'worker',
    'partitions',
    'embedded',
    'connection',
    'protocol',
    'contract',
  ],
  'faktory.ts': ['client', 'worker', 'protocol'],
  'index.ts': [
    'faktory.ts',
    'client',
    'worker',
    'partitions',
    'pushing',
    'connection',
    'protocol',
    'contract',
  ],
};

/** Files of the root that anyone may use, and that use only one another. */
const GROUND = [
  'batcher.ts',
  'config.ts',
  'cut.ts',
  'deque.ts',
  'errors.ts',
  'logger.ts',
  'loopback.ts',
  'metrics.ts',
  'redact-json.ts',
  'redact.ts',
  'secret-finders.ts',
  'secret-name.ts',
  'redis-address.ts',
  'redis.ts',
  'setting-kinds.ts',
  'signals.ts',
  'slow-log.ts',
  'tally.ts',
  'unrecoverable.ts',
  'within.ts',
];

/** What only some may touch: sockets and files are no business of the others. */
const ONLY_IN: Record<string, readonly string[]> = {
  'node:net': ['connection', 'embedded', 'api', 'bench', 'cli', 'loopback.ts'],
  'node:tls': ['connection'],
  'node:http': ['api', 'load', 'cli'],
  'node:child_process': ['bench', 'cli'],
  'faktory-worker': ['client', 'faktory.ts', 'index.ts'],
  autocannon: ['load'],
  fastify: ['api'],
  ioredis: ['redis.ts', 'redis-address.ts'],
  commander: ['cli'],
  dotenv: ['cli'],
  jiti: ['cli'],
  pino: ['logger.ts'],
};

const MAX_LINES = 400;
const SRC = join(import.meta.dirname, '../src');

interface SourceFile {
  /** Relative to src/, as all names here. */
  readonly name: string;
  readonly part: string;
  readonly text: string;
  /** Files of src/ that it imports, types too. */
  readonly imports: readonly string[];
  readonly packages: readonly string[];
}

const partOf = (name: string): string => name.split('/')[0]!;

function readSource(name: string): SourceFile {
  const text = readFileSync(join(SRC, name), 'utf8');
  // Examples in comments import, too.
  const code = text.replace(/^\s*(\/\*|\*|\/\/).*$/gm, '');
  const specifiers = [...code.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!);
  const own = specifiers.filter((specifier) => specifier.startsWith('.'));
  return {
    name,
    part: partOf(name),
    text,
    imports: own.map((specifier) => relative(SRC, resolve(SRC, dirname(name), specifier))),
    packages: specifiers.filter((specifier) => !specifier.startsWith('.')),
  };
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map(readSource);
const byName = new Map(files.map((file) => [file.name, file]));
const arrows = files.flatMap((file) => file.imports.map((target) => ({ file, target })));

/** The first circle that can be walked from `name`; `done` are those from which none can. */
function circleFrom(name: string, path: readonly string[], done: Set<string>): readonly string[] | undefined {
  if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
  if (done.has(name)) return undefined;
  for (const target of byName.get(name)?.imports ?? []) {
    const circle = circleFrom(target, [...path, name], done);
    if (circle !== undefined) return circle;
  }
  done.add(name);
  return undefined;
}

describe('the architecture', () => {
  it('is that of the table: each part is in it, and each file of the root', () => {
    const known = new Set([...Object.keys(MAY_USE), ...GROUND]);
    const unknown = files.filter(({ part }) => !known.has(part)).map(({ name }) => `src/${name}`);
    expect(unknown, 'say in test/architecture.test.ts what these may use').toEqual([]);
    // And the reading of imports works at all.
    expect(arrows.length).toBeGreaterThan(files.length);
  });

  it('imports what there is', () => {
    const missing = arrows.filter(({ target }) => !byName.has(target) && !target.endsWith('.json'));
    expect(missing.map(({ file, target }) => `src/${file.name} → src/${target}`)).toEqual([]);
  });

  it('has arrows that point down only; client and worker never meet', () => {
    const wrong = arrows.filter(({ file: { part }, target }) => {
      const to = partOf(target);
      if (part === to || GROUND.includes(to)) return false;
      return GROUND.includes(part) || !MAY_USE[part]?.includes(to);
    });
    expect(
      wrong.map(
        ({ file, target }) =>
          `src/${file.name} → src/${target}: ${file.part} may use ${(MAY_USE[file.part] ?? GROUND).join(', ') || 'the ground only'}`,
      ),
    ).toEqual([]);
  });

  it('has no circles among its files, types included', () => {
    const done = new Set<string>();
    const circles = files
      .map(({ name }) => circleFrom(name, [], done))
      .filter((circle) => circle !== undefined);
    expect(circles.map((circle) => circle.join(' → '))).toEqual([]);
  });

  it('has faces that only others look at: nobody imports index.ts, nor a part its own', () => {
    const wrong = arrows.filter(
      ({ file, target }) =>
        target === 'index.ts' || (target.endsWith('/index.ts') && partOf(target) === file.part),
    );
    expect(wrong.map(({ file, target }) => `src/${file.name} → src/${target}`)).toEqual([]);
  });

  it('keeps sockets, files and packages where they belong', () => {
    const wrong = files.flatMap(({ name, part, packages }) =>
      packages
        .filter((each) => ONLY_IN[each]?.includes(part) === false)
        .map((each) => `src/${name} → ${each}`),
    );
    expect(wrong).toEqual([]);
  });

  it('has a protocol that does no I/O', () => {
    const imported = files.filter(({ part }) => part === 'protocol').flatMap(({ packages }) => packages);
    expect(imported.filter((each) => each !== 'node:crypto')).toEqual([]);
  });

  it('reads process.env in config.ts only', () => {
    const readers = files
      .filter(({ text }) => /\bprocess\s*\.\s*env\b|\bprocess\[/.test(text))
      .map(({ name }) => name);
    expect(readers.filter((name) => name !== 'config.ts').map((name) => `src/${name}`)).toEqual([]);
  });

  it('exports by name: no `export *`', () => {
    const wrong = files.filter(({ text }) => /^export \*/m.test(text));
    expect(wrong.map(({ name }) => `src/${name}`)).toEqual([]);
  });

  it(`has no file of ${MAX_LINES} lines`, () => {
    const long = files
      .map(({ name, text }) => ({ name, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines >= MAX_LINES);
    expect(long.map(({ name, lines }) => `src/${name} has ${lines}`)).toEqual([]);
  });
});
