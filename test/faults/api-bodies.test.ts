import { expect, it } from 'vitest';
import { listen } from '../api/raw-http.ts';
import { Service } from '../api/service.ts';
import { HttpClient } from './http-client.ts';
import { Ledger } from './ledger.ts';

const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** None of these is a job: none may reach Faktory. */
const HOSTILE: Record<string, string | Buffer> = {
  'half of it': '{"jobtype":"run"',
  'not JSON': 'jobtype=run',
  'single quotes': "{'jobtype':'run'}",
  'a number': '1',
  'a text': '"run"',
  'an array': '[{"jobtype":"run"}]',
  'no jobtype': '{"args":[1]}',
  'jobtype is a number': '{"jobtype":1}',
  'jobtype is empty': '{"jobtype":""}',
  'jobtype with CR LF': '{"jobtype":"run\\r\\nFLUSH"}',
  'jobtype with ESC': '{"jobtype":"\\u001b[2J"}',
  'args is a text': '{"jobtype":"run","args":"1"}',
  'queue with a space': '{"jobtype":"run","queue":"a b"}',
  'queue with CR LF': '{"jobtype":"run","queue":"a\\r\\nFLUSH"}',
  'retry is a text': '{"jobtype":"run","retry":"3"}',
  'reserveFor is too short': '{"jobtype":"run","reserveFor":1}',
  'at is no time': '{"jobtype":"run","at":"tomorrow"}',
  'jid is too short': '{"jobtype":"run","jid":"1"}',
  'jid with CR LF': '{"jobtype":"run","jid":"12345678\\r\\nFLUSH"}',
  'a field more': '{"jobtype":"run","reserve_for":60}',
  __proto__: '{"jobtype":"run","__proto__":{"queue":"x"}}',
  '__proto__ in args': '{"jobtype":"run","args":[{"a":{"__proto__":{"b":1}}}]}',
  'a key twice': '{"jobtype":"run","jobtype":"other"}',
  'a key twice in args': '{"jobtype":"run","args":[{"a":1,"a":2}]}',
  'a key twice, once escaped': '{"jobtype":"run","args":[{"a":1,"\\u0061":2}]}',
  'too deep': `{"jobtype":"run","args":${deep(200)}}`,
  'far too deep': `{"jobtype":"run","args":${deep(100_000)}}`,
  'not UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  'a NUL behind it': '{"jobtype":"run"}\u0000',
  'two of them': '{"jobtype":"run"}{"jobtype":"run"}',
};

it('row 38: bodies that are no jobs are refused, each once, and nothing of them is pushed', async () => {
  using ledger = new Ledger({ row: 38, name: 'hostile bodies' });
  await using service = await Service.start();
  using client = new HttpClient(`http://127.0.0.1:${await listen(service)}`, ledger);
  const passed: string[] = [];
  for (const [what, body] of Object.entries(HOSTILE)) {
    const answer = await client.ask('POST', '/jobs', body);
    if (answer.status !== 400 || typeof JSON.parse(answer.body).error.code !== 'string') passed.push(what);
  }
  for (const coding of ['gzip', 'br', 'deflate', 'x'])
    if ((await client.ask('POST', '/jobs', '{}', { 'content-encoding': coding })).status !== 415)
      passed.push(coding);
  const stored = await cutAnywhere(client, ledger);
  ledger.note('refused', Object.keys(HOSTILE).length + 4);
  ledger.note('cut or changed somewhere', 300);
  ledger.note('of which still jobs', stored);
  ledger.settle();
  expect(passed).toEqual([]);
  // Faktory has what was answered 202 and nothing more, and the API is as it was.
  expect(service.faktory.counts().enqueued).toBe(stored);
  expect(({} as { queue?: string }).queue).toBeUndefined();
  expect((await client.push())?.status).toBe(202);
});

/** 300 times a good body with a byte changed, doubled or left out; how many were jobs all the same. */
async function cutAnywhere(client: HttpClient, ledger: Ledger): Promise<number> {
  let stored = 0;
  for (let i = 0; i < 300; i += 1) {
    const bytes = [
      ...Buffer.from('{"jobtype":"run","args":[{"a":[1,2.5e3,null,true,"\\u00e4"]}],"retry":2}'),
    ];
    const at = ledger.int(0, bytes.length - 1);
    const put = [[ledger.int(0, 255)], [bytes[at]!, bytes[at]!], []][ledger.int(0, 2)]!;
    bytes.splice(at, 1, ...put);
    const { status } = await client.ask('POST', '/jobs', Buffer.from(bytes));
    if (status !== 202 && status !== 400) throw new Error(`${status} to ${Buffer.from(bytes)}`);
    if (status === 202) stored += 1;
  }
  return stored;
}
