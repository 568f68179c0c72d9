import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../src/cli/program.ts';
import {
  describeSetting,
  faktoryPassword,
  faktoryUrl,
  isSet,
  readConfig,
  readSetting,
  SETTING_NAMES,
} from '../src/config.ts';

describe('the configuration', () => {
  it('has the defaults of the docs', () => {
    expect(readConfig({})).toMatchObject({
      FAKTORY_URL: 'tcp://127.0.0.1:7419',
      FAKTORY_MAX_CONNECTIONS: 64,
      WORKER_CONCURRENCY: 500,
      WORKER_QUEUES: ['default'],
      WORKER_SHUTDOWN_TIMEOUT_MS: 8_000,
      BATCH_MAX_SIZE: 100,
      BATCH_MAX_DELAY_MS: 50,
      BATCH_AUTO_ENABLED: true,
      PUSH_MAX_IN_FLIGHT: 10_000,
      PUSH_MAX_IN_FLIGHT_BYTES: 256 * 1024 * 1024,
      JOB_RETRY: 3,
      JOB_RESERVE_FOR: 1_800,
      API_HOST: '127.0.0.1',
      API_PORT: 3_000,
      API_INSECURE: false,
      LOG_LEVEL: 'info',
    });
    expect(readSetting('API_TOKEN', {})).toBeUndefined();
  });

  it.each([
    ['WORKER_CONCURRENCY', '1000', 1_000],
    ['WORKER_CONCURRENCY', ' 50 ', 50],
    ['WORKER_CONCURRENCY', '', 500],
    ['WORKER_CONCURRENCY', '  ', 500],
    ['BATCH_AUTO_ENABLED', 'false', false],
    ['BATCH_AUTO_ENABLED', 'OFF', false],
    ['API_INSECURE', '1', true],
    ['JOB_RETRY', '-1', -1],
    ['WORKER_QUEUES', 'critical, default,critical', ['critical', 'default']],
    ['WORKER_QUEUES', 'a:3,b:1', { a: 3, b: 1 }],
    ['LOG_LEVEL', 'DEBUG', 'debug'],
    ['API_TOKEN', 'a+b/c==', ['a+b/c==']],
    ['API_TOKEN', 'old,new', ['old', 'new']],
    ['API_QUEUES', 'mail, sum.*', ['mail', 'sum.*']],
    ['API_QUEUES', '*', ['*']],
    ['API_JOBTYPES', 'a/b,import:*', ['a/b', 'import:*']],
    ['API_HOSTS', 'API.example.com', ['api.example.com']],
    [
      'API_ORIGINS',
      'https://app.example.com,http://localhost:8080',
      ['https://app.example.com', 'http://localhost:8080'],
    ],
    ['REDIS_URL', 'redis://127.0.0.1:6379', 'redis://127.0.0.1:6379'],
  ] as const)('reads %s=%s', (name, value, expected) => {
    expect(readSetting(name, { [name]: value })).toEqual(expected);
  });

  it.each([
    ['WORKER_CONCURRENCY', 'abc', 'WORKER_CONCURRENCY is "abc", it takes a whole number from 1 to 100000'],
    ['WORKER_CONCURRENCY', '0', 'WORKER_CONCURRENCY is "0", it takes a whole number from 1 to 100000'],
    ['API_PORT', '3e3', 'API_PORT is "3e3", it takes a whole number from 0 to 65535'],
    ['API_PORT', '65536', 'API_PORT is "65536", it takes a whole number from 0 to 65535'],
    ['API_INSECURE', 'maybe', 'API_INSECURE is "maybe", it takes true or false'],
    [
      'WORKER_QUEUES',
      'a b',
      'WORKER_QUEUES is "a b", it takes names such as a,b or all with weights such as a:3,b:1',
    ],
    [
      'WORKER_QUEUES',
      'a:3,b',
      'WORKER_QUEUES is "a:3,b", it takes names such as a,b or all with weights such as a:3,b:1',
    ],
    [
      'API_TOKEN',
      'two words',
      'API_TOKEN is not usable, it takes visible ASCII characters without spaces, several with commas between, or a path that starts with /',
    ],
    ['API_TOKEN', 'a,,b', 'API_TOKEN is not usable, it takes visible ASCII characters'],
    ['API_QUEUES', 'a*b', 'API_QUEUES is "a*b", it takes names with commas between'],
    ['API_QUEUES', 'a b', 'API_QUEUES is "a b", it takes names with commas between'],
    ['API_QUEUES', 'mail,a/b', 'API_QUEUES is "mail,a/b", it takes names with commas between'],
    ['API_JOBTYPES', 'add mail', 'API_JOBTYPES is "add mail", it takes names with commas between'],
    ['API_HOSTS', 'https://a.example', 'API_HOSTS is "https://a.example", it takes names of hosts'],
    ['API_ORIGINS', 'app.example.com', 'API_ORIGINS is "app.example.com", it takes origins'],
    [
      'API_ORIGINS',
      'https://app.example.com/',
      'API_ORIGINS is "https://app.example.com/", it takes origins',
    ],
  ] as const)('refuses %s=%s', (name, value, message) => {
    expect(() => readConfig({ [name]: value })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) }),
    );
  });

  it('lets options win over the environment, and names both when they are wrong', () => {
    const given = (value: string) => ({ API_PORT: { flag: '--port', value } });
    expect(readConfig({ API_PORT: 'wrong' }, given('80')).API_PORT).toBe(80);
    expect(() => readConfig({}, given('x'))).toThrow(/^--port \(API_PORT\) is "x", it takes /);
  });

  it('knows what is set', () => {
    expect(isSet('JOB_RETRY', { JOB_RETRY: '3' })).toBe(true);
    expect(isSet('JOB_RETRY', { JOB_RETRY: ' ' })).toBe(false);
    expect(isSet('JOB_RETRY', {})).toBe(false);
  });
});

describe('FAKTORY_PROVIDER', () => {
  it('names the variable with the URL', () => {
    const env = { FAKTORY_PROVIDER: 'MY_URL', MY_URL: 'tcp://a:1', FAKTORY_URL: 'tcp://b:2' };
    expect(faktoryUrl(env)).toBe('tcp://a:1');
    expect(faktoryUrl({ FAKTORY_URL: 'tcp://b:2' })).toBe('tcp://b:2');
  });

  it('must name one that is set', () => {
    expect(() => faktoryUrl({ FAKTORY_PROVIDER: 'MY_URL' })).toThrow(
      /^FAKTORY_PROVIDER names MY_URL, which is not set: set MY_URL to the URL of Faktory/,
    );
  });

  it('is not shown where it is the URL itself: that may hold a password', () => {
    expect(() => faktoryUrl({ FAKTORY_PROVIDER: 'tcp://:hunter2@faktory' })).toThrow(
      /^FAKTORY_PROVIDER takes the name of a variable (?!.*hunter2).*FAKTORY_URL takes the URL itself$/,
    );
  });
});

describe('FAKTORY_PASSWORD', () => {
  it('is the password, or the file that holds it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-config-'));
    const file = join(folder, 'password');
    writeFileSync(file, 's3cret\n');
    expect(faktoryPassword({ FAKTORY_PASSWORD: file })).toBe('s3cret');
    expect(faktoryPassword({ FAKTORY_PASSWORD: 's3cret' })).toBe('s3cret');
    expect(faktoryPassword({})).toBeUndefined();
    await rm(folder, { recursive: true });
    expect(() => faktoryPassword({ FAKTORY_PASSWORD: file })).toThrow(
      'FAKTORY_PASSWORD starts with /, so it is the path of a file, which cannot be read (ENOENT)',
    );
  });
});

describe('what is told of the settings', () => {
  it('.env.example names each once, with what it is for, what it takes and its default', () => {
    const lines = readFileSync(new URL('../.env.example', import.meta.url), 'utf8').split('\n');
    const settings = lines.filter((line) => /^#[A-Z]/.test(line));
    expect(settings.map((line) => /^#([A-Z_]+)=/.exec(line)?.[1]).sort()).toEqual([...SETTING_NAMES].sort());
    for (const line of settings) {
      const [, name, value] = /^#([A-Z_]+)=(.*)$/.exec(line)!;
      const { help, fallback, takes } = describeSetting(name as (typeof SETTING_NAMES)[number]);
      const comment = lines[lines.indexOf(line) - 1]!.toLowerCase();
      expect(comment).toContain(help.toLowerCase());
      if (takes.startsWith('a whole number')) expect(comment).toContain(takes);
      const shown = { none: '', 'on a terminal': 'true' }[fallback] ?? fallback;
      expect([name, value]).toEqual([name, shown]);
    }
  });

  it("README's table names each once, with its default and what it is for", () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const table = readme.slice(readme.indexOf('## Settings'), readme.indexOf('## The HTTP API'));
    const rows = [...table.matchAll(/^\| `([A-Z_]+)` \| (.*) \| (.*) \|$/gm)].map(([, ...cells]) => cells);
    const settings = SETTING_NAMES.map((name) => [
      name,
      describeSetting(name).fallback,
      describeSetting(name).help,
    ]);
    expect(rows).toEqual(settings);
  });

  it('.env.example is what a program reads that changes nothing', () => {
    const lines = readFileSync(new URL('../.env.example', import.meta.url), 'utf8').matchAll(
      /^#([A-Z_]+)=(.*)$/gm,
    );
    const env = Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
    expect(readConfig(env)).toEqual({ ...readConfig({}), LOG_PRETTY: true });
  });

  it('--help of the commands names every setting with its default, and the variable of each option', () => {
    const seen = new Set<string>();
    for (const command of createProgram().commands) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 1_000 });
      command.outputHelp();
      const [options, environment] = help.split('\nEnvironment ');
      for (const [, name] of environment!.matchAll(/^ {2}([A-Z_]+) /gm)) {
        seen.add(name!);
        const { help: text, fallback } = describeSetting(name as (typeof SETTING_NAMES)[number]);
        expect(environment).toMatch(
          new RegExp(`^  ${name} +${literally(`${text} (default: ${fallback})`)}$`, 'm'),
        );
      }
      for (const [, name] of options!.matchAll(/\[([A-Z_]+)\]$/gm))
        expect(environment).toContain(`  ${name} `);
    }
    expect([...seen].sort()).toEqual([...SETTING_NAMES].sort());
  });
});

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
