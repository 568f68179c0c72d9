import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import { type RunningProcess, startProcess } from '../helpers/process.ts';
import { until } from '../helpers/until.ts';

/** As the head of each example says to run it. */
function run(file: string, url: string, env: Record<string, string> = {}): RunningProcess {
  return startProcess('node_modules/.bin/jiti', [`examples/${file}`], { env: { FAKTORY_URL: url, ...env } });
}

describeOnEachFaktory('the examples', (kind) => {
  it('producer: pushes in every way, and tells what was refused', async () => {
    await using faktory = await kind.start();
    await using example = run('producer.ts', faktory.url);
    expect(await example.waitForExit()).toMatchObject({ code: 0 });
    expect(example.output).toMatch(/pushed 3 more/);
    expect(example.output).toMatch(/stored \S+/);
    expect(example.output).toMatch(/refused \{"jobtype":""/);
    expect(example.output).toMatch(/refused before it was sent: queue is "no such name!"/);
    await using client = new Client({ url: faktory.url, logger: false });
    const info = (await client.info()) as unknown as { faktory: { queues: Record<string, number> } };
    expect(info.faktory.queues.default).toBe(1_005);
  });

  it('typed: one list of jobs for both sides', async () => {
    await using faktory = await kind.start();
    await using example = run('typed.ts', faktory.url);
    expect(await example.waitForExit()).toMatchObject({ code: 0 });
    expect(example.output).toContain('1 + 2 = 3\nhello hello world');
  });

  it('middleware: a module that registers by itself', async () => {
    await using faktory = await kind.start();
    await using worker = startProcess('node', ['dist/cli/main.js', 'worker', 'examples/middleware.ts'], {
      env: { FAKTORY_URL: faktory.url },
    });
    await using client = new Client({ url: faktory.url, logger: false });
    const jid = await client.push({ jobtype: 'invoice', args: [42] });
    await client.push({ jobtype: 'report', args: ['May'] });
    await worker.waitForLine(new RegExp(`"invoice":42,"idempotencyKey":"${jid}"`));
    await worker.waitForLine(/"month":"May","rows":"result of select/);
    await worker.waitForLine(/"jobtype":"report","jid":"\S+","ms":\d/);
    expect(await worker.stop()).toMatchObject({ code: 0 });
  });

  it('failures: to Dead at once, tried again by a policy, timed out', async () => {
    await using faktory = await kind.start();
    await using worker = startProcess('node', ['dist/cli/main.js', 'worker', 'examples/failures.ts'], {
      env: { FAKTORY_URL: faktory.url },
    });
    await using client = new Client({ url: faktory.url, logger: false });
    const jid = await client.push({ jobtype: 'charge', args: [{ user: 7 }] });
    await client.push({ jobtype: 'fetch', args: [`http://127.0.0.1:${await freePort()}`] });
    await client.push({ jobtype: 'hang' });
    await worker.waitForLine(
      new RegExp(`"gaveUp":"charge","jid":"${jid}","why":"Unrecoverable: there is no user 7"`),
    );
    await worker.waitForLine(/"errtype":"HANDLER_TIMEOUT"/);
    await client.push({ jobtype: 'charge', args: [{ user: 1 }] });
    await worker.waitForLine(/"charged":1/);
    const { sets } = ((await client.info()) as unknown as { faktory: { sets: Record<string, number> } })
      .faktory;
    expect(sets).toMatchObject({ dead: 1, retries: 1, scheduled: 1 });
  });

  it('contract: one file for the API, the worker and the producer', async () => {
    await using faktory = await kind.start();
    const port = await freePort();
    const env = {
      FAKTORY_URL: faktory.url,
      API_PORT: String(port),
      CONTRACT_FILE: 'examples/contract/jobs.ts',
    };
    await using api = startProcess('node', ['dist/cli/main.js', 'api'], { env });
    await using worker = run('contract/worker.ts', faktory.url);
    await using producer = run('contract/producer.ts', faktory.url);
    expect(await producer.waitForExit()).toMatchObject({ code: 0 });
    expect(producer.output).toMatch(/refused: args\[0\]: /);
    await worker.waitForLine(/1 \+ 2 = 3/);
    await worker.waitForLine(/bienvenue ada@example.org/);
    const post = (body: string) => fetch(`http://127.0.0.1:${port}/jobs/add`, { method: 'POST', body });
    await until(async () => (await post('{"a": 3, "b": 4}').catch(() => undefined))?.status === 202, {
      what: api.output,
    });
    await worker.waitForLine(/3 \+ 4 = 7/);
    const refused = await post('{"a": 3, "b": "four"}');
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      error: { code: 'PAYLOAD_INVALID', faults: [{ path: 'args[0].b' }] },
    });
  });

  it('reducer: thousands of sums, added up in tens of calls', async () => {
    await using faktory = await kind.start();
    await using example = run('reducer.ts', faktory.url, { RATE: '5000', SECONDS: '2' });
    expect(await example.waitForExit({ timeoutMs: 60_000 })).toMatchObject({ code: 0 });
    expect(example.output).toMatch(/^10000 jobs in \S+ s: \d+ a second$/m);
    expect(example.output).toContain('the total is 50005000, as it must be');
    const [, seconds] = /jobs in (\S+) s:/.exec(example.output)!;
    const [, calls] = /^(\d+) calls of the reducer/m.exec(example.output)!;
    // Results leave when there are 500, or 50 ms after the first of them; what it prints is rounded to tenths, and timers
    // may fire a millisecond early.
    const byDelay = ((Number(seconds) + 0.1) * 1_000) / 49;
    expect(Number(calls)).toBeLessThanOrEqual(10_000 / 500 + byDelay + 1);
  });

  it('graceful shutdown: a job that heeds its signal is handed back, and Faktory holds nothing', async () => {
    await using faktory = await kind.start();
    await using example = run('graceful-shutdown.ts', faktory.url);
    await example.waitForLine(/working/);
    await using client = new Client({ url: faktory.url, logger: false });
    await client.push({ jobtype: 'import', args: [3] });
    await example.waitForLine(/imported 3 rows/);
    await client.push({ jobtype: 'import', args: [1_000_000] });
    const working = async (): Promise<number> => {
      const info = (await client.info()) as unknown as { faktory: { sets: { working: number } } };
      return info.faktory.sets.working;
    };
    await until(async () => (await working()) === 1);
    example.kill('SIGTERM');
    expect(await example.waitForExit()).toMatchObject({ code: 0 });
    expect(example.output).toMatch(/ended: 1 done, 0 failed, 1 handed back/);
    expect(await working()).toBe(0);
  });
});
