/** examples/systemd: the units fit the settings and the compose files. */
import { describe, expect, it } from 'vitest';
import { readConfig, SETTING_NAMES } from '../../src/config.ts';
import { readRepositoryFile } from './manifests.ts';

const FOLDER = 'examples/systemd';
const UNITS = ['millrace-worker@.service', 'millrace-api.service'] as const;

/** The lines of a unit, by name; of a name that comes more than once, all. */
function readUnit(text: string): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (const [, name, value] of text.matchAll(/^(\w+)=(.*)$/gm)) {
    lines.set(name!, [...(lines.get(name!) ?? []), value!]);
  }
  return lines;
}

const variables = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name!, value!]));

describe.each(UNITS)('%s', (file) => {
  const unit = readUnit(readRepositoryFile(`${FOLDER}/${file}`));

  it('is restarted always, and ends as the containers do', () => {
    expect(Object.fromEntries(unit)).toMatchObject({
      ...{ Restart: ['always'], KillMode: ['mixed'], KillSignal: ['SIGTERM'], TimeoutStopSec: ['35'] },
      StartLimitIntervalSec: ['0'],
    });
    expect(readRepositoryFile('docker-compose.yml')).toContain('stop_grace_period: 35s');
  });

  it('is confined', () => {
    expect(Object.fromEntries(unit)).toMatchObject({
      ...{ DynamicUser: ['yes'], NoNewPrivileges: ['yes'], ProtectSystem: ['strict'], PrivateTmp: ['yes'] },
      ...{ CapabilityBoundingSet: [''], AmbientCapabilities: [''], SystemCallFilter: ['@system-service'] },
      ...{ ProtectHome: ['yes'], MemoryMax: ['1G'], TasksMax: ['1024'] },
    });
    // Node compiles as it runs.
    expect(unit.has('MemoryDenyWriteExecute')).toBe(false);
  });

  it('runs a command that there is, by settings that there are', () => {
    const [, command] = /^\/opt\/millrace\/node_modules\/\.bin\/millrace (\w+)$/.exec(
      unit.get('ExecStart')![0]!,
    )!;
    expect(command).toBe(file.includes('worker') ? 'worker' : 'api');
    expect(unit.get('EnvironmentFile')).toEqual(['/etc/millrace/millrace.env']);
    // Of instance 3.
    const own = variables((unit.get('Environment') ?? []).join('\n').replaceAll('%i', '3'));
    const shared = variables(readRepositoryFile(`${FOLDER}/millrace.env`));
    expect(Object.keys({ ...own, ...shared }).filter((name) => !isSetting(name))).toEqual([]);
    // The file wins over the unit, so it must not say what is each instance's own.
    expect(Object.keys(own).filter((name) => name in shared)).toEqual([]);
    const filledIn = Object.fromEntries(
      Object.entries(shared).map(([name, value]) => [name, value.replace('…', 's3cret')]),
    );
    const config = readConfig({ ...filledIn, ...own });
    if (command === 'worker') expect(config).toMatchObject({ PARTITION_ORDINAL: 3, METRICS_PORT: 9_193 });
    // Four instances, as the head and docs/deploy.md start them.
    expect(4 * config.PARTITIONS_PER_POD).toBeGreaterThanOrEqual(config.PARTITIONS);
  });
});

it('docs/deploy.md installs what there is, where the units look for it', () => {
  const docs = readRepositoryFile('docs/deploy.md');
  const { version } = JSON.parse(readRepositoryFile('package.json')) as { version: string };
  for (const text of [
    `npm install --prefix /opt/millrace ./millrace-${version}.tgz`,
    '/etc/millrace/millrace.env',
    'examples/systemd/*.service /etc/systemd/system/',
    'systemctl enable --now millrace-api millrace-worker@{0..3}',
  ])
    expect(docs).toContain(text);
});

function isSetting(name: string): boolean {
  return (SETTING_NAMES as readonly string[]).includes(name);
}
