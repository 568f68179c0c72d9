import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { curlOf, quote } from '../../src/api/docs/curl.ts';
import { docsPage } from '../../src/api/docs/page.ts';
import { hostOf } from '../../src/api/docs/route.ts';
import { openApiOf } from '../../src/api/openapi/document.ts';
import type { Operation } from '../../src/api/openapi/types.ts';
import { PROBLEM_CODES } from '../../src/api/problem.ts';
import { defineJobs } from '../../src/contract/contract.ts';
import { Service } from './service.ts';

const run = promisify(execFile);
const nasty = '<script>alert(1)</script>"\'&';
const contract = defineJobs({
  resize: { args: z.tuple([z.url(), z.object({ width: z.int() })]), queue: 'images' },
  add: {
    args: z.tuple([z.object({ a: z.number().describe('The first.'), note: z.string().default("it's") })]),
  },
  [nasty]: { args: z.tuple([z.object({ [nasty]: z.string().describe(nasty) })]) },
});
const options = { url: 'http://127.0.0.1:3000', asksForToken: true };
const document = openApiOf({ contract, allowed: {}, asksForToken: true });
const page = docsPage(document, options);

describe('the page', () => {
  it('shows each operation, each schema, each code', () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const { operationId } of Object.values(methods) as Operation[])
        expect(page.split(`<article id="${operationId}">`)).toHaveLength(2);
      expect(page).toContain(`>${path.replaceAll("'", '&#39;')}</span>`);
    }
    const told = PROBLEM_CODES.filter((code) => page.includes(`<code>${code}</code>`));
    expect(told).toEqual(PROBLEM_CODES);
    expect(page).toContain(
      '<code>a</code> <span class="kind">number</span> <span class="needed">required</span> The first.',
    );
    expect(page).toContain('string, &quot;it&#39;s&quot; by default');
  });

  it('has links that lead somewhere on it, and none elsewhere', () => {
    const links = [...page.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, link]) => link!);
    const ids = new Set([...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => `#${id}`));
    expect(links.filter((link) => !ids.has(link))).toEqual(['openapi.json']);
  });

  it('has no script, whatever a contract is called', () => {
    expect(page).not.toMatch(/<script|<img|<iframe|<link|@import|url\(| on\w+=/i);
    expect(page).toContain('&lt;script&gt;');
  });

  it('opens and closes the same elements', () => {
    const open: string[] = [];
    for (const [, close, name] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
      if (['meta', 'br'].includes(name!)) continue;
      if (close === '') open.push(name!);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });
});

describe('GET /docs', () => {
  it('may load nothing: its policy knows its one style by its hash', async () => {
    await using service = await Service.start({ client: { contract } });
    const response = await service.get('/docs', { host: 'localhost:3000', 'sec-fetch-site': 'none' });
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('text/html; charset=utf-8');
    const style = /<style>([\s\S]*)<\/style>/.exec(response.body)![1]!;
    expect(response.headers['content-security-policy']).toBe(
      `default-src 'none'; style-src 'sha256-${hash('sha256', style, 'base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
    );
    expect(response.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    expect(response.body).not.toMatch(/ style="/);
    expect(response.body).toContain('http://localhost:3000/jobs/add');
  });

  it('is behind the token where there is one', async () => {
    await using service = await Service.start({ api: { token: 'a-token' } });
    expect((await service.get('/docs')).statusCode).toBe(401);
    const response = await service.get('/docs', { authorization: 'Bearer a-token' });
    expect(response.statusCode).toBe(200);
    expect(response.body).toContain('&quot;Authorization: Bearer $API_TOKEN&quot;');
    expect(response.body).not.toContain('a-token');
  });

  it('has commands that work as they are', async () => {
    await using service = await Service.start({ api: { token: 'a-token' }, client: { contract } });
    const url = await service.api.app.listen({ host: '127.0.0.1', port: 0 });
    await service.client.push({ jobtype: 'add', args: [{ a: 1 }], queue: 'images' });
    const html = await (await fetch(`${url}/docs`, { headers: { authorization: 'Bearer a-token' } })).text();
    const commands = [...html.matchAll(/<code>(curl [\s\S]*?)<\/code>/g)].map(([, text]) => plain(text!));
    expect(commands.length).toBe(
      Object.values(document.paths).flatMap((methods) => Object.values(methods)).length,
    );
    for (const command of commands) {
      const { stdout } = await run('sh', ['-c', `${command} -s -o /dev/null -w '%{http_code}'`], {
        env: { PATH: '/usr/local/bin:/usr/bin:/bin', API_TOKEN: 'a-token' },
      });
      expect(`${stdout} ${command}`).toMatch(/^20[02] /);
    }
  });
});

describe('the host of the commands', () => {
  it.each(['localhost:3000', 'jobs.example.com', '10.0.0.7:80', '[::1]:3000'])(
    'is %s, as the reader has it',
    (host) => {
      expect(hostOf(host)).toBe(host);
    },
  );

  it.each([
    undefined,
    '',
    'a b',
    "a'b",
    'a"b',
    'a<b>',
    'a$(id)',
    'a;b',
    'a`b`',
    'user@a',
    'a/b',
    'a:b',
    '-a',
    'a'.repeat(300),
  ])('is not %j', (host) => {
    expect(hostOf(host)).toBe(undefined);
  });
});

describe('a command', () => {
  it('survives a shell, whatever its body holds', async () => {
    const text = 'it\'s "$HOME" `id` \\ $(id)\n;';
    const { stdout } = await run('sh', ['-c', `printf %s ${quote(text)}`]);
    expect(stdout).toBe(text);
  });

  it('fills in the path, and needs no token where none is asked for', () => {
    const { post } = document.paths['/queues/{name}/pause']!;
    expect(curlOf('/queues/{name}/pause', 'post', post!, { url: 'http://a', asksForToken: false })).toBe(
      "curl -X POST 'http://a/queues/images/pause'",
    );
  });
});

function plain(html: string): string {
  const chars: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  return html.replace(/&(amp|lt|gt|quot|#39);/g, (_, name) => chars[name]!);
}
