/** `millrace dead|retries|scheduled …`, as processes, on each Faktory. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import { startProcess } from '../helpers/process.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { MAIN, ran, shell } from './millrace.ts';

const QUEUE = 'q';
const NEVER = '2099-01-01T00:00:00Z';

describe('arguments that cannot be', () => {
  const which = 'say which jobs: --jobtype, --jid or --match, or --all for the whole set';
  it.each([
    [['dead', 'requeue', '--yes'], which],
    [['dead', 'kill', '--all', '--yes'], 'what is in Dead is dead already: requeue it, or discard it'],
    [['dead', 'discard', '--all'], 'there is no terminal to ask on: say --yes to go ahead'],
    [
      ['retries', 'kill', '--jid', 'a-jid-01', '--match', '*x*'],
      '--jid goes alone: with it, Faktory looks at nothing else',
    ],
    [
      ['retries', 'discard', '--all', '--jobtype', 'add', '--yes'],
      '--all goes alone: it acts on the whole set',
    ],
    [
      ['scheduled', 'discard', '--jobtype', '', '--yes'],
      '--jobtype is empty, which to Faktory means every job: it takes a jobtype',
    ],
    [
      ['scheduled', 'discard', '--match', '*', '--yes'],
      '--match is "*", which is every job: leave it out, or say --all',
    ],
  ])('millrace %j: one line, exit 1', async (args, line) => {
    expect(await ran(args)).toEqual({ code: 1, lines: [`millrace: ${line}`] });
  });

  it.each([
    [['dead', 'shred'], "millrace: unknown command 'shred'; see millrace dead --help"],
    [
      ['dead', 'discard', 'add', '--yes'],
      "millrace: too many arguments for 'discard'. Expected 0 arguments but got 1; see millrace dead discard --help",
    ],
    [
      ['retries', 'kill', '--type', 'add'],
      "millrace: unknown option '--type' (Did you mean --jobtype?); see millrace retries kill --help",
    ],
    [
      ['retries', 'kill', '--jid'],
      "millrace: option '--jid <jid...>' argument missing; see millrace retries kill --help",
    ],
  ])('millrace %j: said by commander, exit 1', async (args, line) => {
    const { code, lines } = await ran(args);
    expect([code, lines[0]]).toEqual([1, line]);
  });

  it('help names the options, the environment, and an example of a glob', async () => {
    const { code, lines } = await ran(['scheduled', 'kill', '--help']);
    const text = lines.join('\n');
    expect(code).toBe(0);
    for (const part of ['--match <glob>', 'FAKTORY_URL', `--match '*"tenant":7[,}]*'`])
      expect(text).toContain(part);
  });
});

describe('Faktory that fails', () => {
  it('away: its address, and the next step', async () => {
    const port = await freePort();
    const env = { FAKTORY_URL: `tcp://127.0.0.1:${port}` };
    expect(await ran(['dead', 'discard', '--all', '--yes'], { env })).toEqual({
      code: 1,
      lines: [
        `millrace: tcp://127.0.0.1:${port} (ECONNREFUSED): nothing listens there: is Faktory running, and is FAKTORY_URL right?`,
      ],
    });
  });

  it('the answer is lost: the sizes say what was done', async () => {
    const faktory = await startEmbeddedFaktory({ port: 0 });
    await fill(faktory, 'scheduled', [{ jobtype: 'a' }]);
    faktory.faults.dropReplies(1, 'MUTATE');
    const { code, lines } = await ran(['scheduled', 'discard', '--all', '--yes'], {
      env: { FAKTORY_URL: faktory.url },
    });
    await faktory.stop();
    expect(code).toBe(1);
    expect(lines).toContain('Scheduled: 1 job before, 0 after');
    expect(lines.at(-1)).toMatch(/^millrace: .*: all, part or nothing of it may be done, the sizes say\./);
  });

  it('its time is up: it may have done part of it', async () => {
    await using faktory = await startSlow();
    const args = ['retries', 'requeue', '--jobtype', 'a', '--yes', '--json'];
    const { code, lines } = await ran(args, { env: { FAKTORY_URL: faktory.url } });
    expect(code).toBe(1);
    expect([...lines].sort()).toEqual([
      expect.stringMatching(
        /^millrace: .*context deadline exceeded: its time was up; it may have done part of it/,
      ),
      '{"set":"retries","cmd":"requeue","filter":{"jobtype":"a"},"before":30000,"after":12000}',
    ]);
    expect(faktory.asked).toEqual(['INFO', expect.stringMatching(/^MUTATE /), 'INFO']);
  });
});

describeOnEachFaktory('millrace dead, retries, scheduled', (kind) => {
  it('requeues the dead of a jobtype, and shows the command, the sizes and the page', async () => {
    await using faktory = await kind.start();
    await fill(faktory, 'dead', [{ jobtype: 'a b*' }, { jobtype: 'a b' }, { jobtype: 'a b' }]);
    const env = { FAKTORY_URL: faktory.url };
    expect(await ran(['dead', 'requeue', '--jobtype', 'a b', '--yes'], { env })).toEqual({
      code: 0,
      lines: expect.arrayContaining([
        'MUTATE {"cmd":"requeue","target":"dead","filter":{"jobtype":"a\\u0020b"}}',
        'Dead holds 3 jobs now. The protocol can neither list nor count those that match:',
        "look at http://127.0.0.1:7420/morgue, if Faktory's page is on the usual port.",
        expect.stringMatching(
          /^Dead: 3 jobs before, 1 after; what became of them in their queues is not known/,
        ),
      ]),
    });
    expect(await fetchJids(faktory)).toEqual(['a-jid-01', 'a-jid-02']);

    // A jobtype that Faktory alone would take for a glob.
    expect(await counted(env, ['dead', 'requeue', '--jobtype', 'a*'])).toEqual([1, 1]);
    expect(await counted(env, ['dead', 'requeue', '--jobtype', 'a b*'])).toEqual([1, 0]);
  });

  it('discards by jid, and only those, ten in a command', async () => {
    await using faktory = await kind.start();
    const env = { FAKTORY_URL: faktory.url };
    await fill(
      faktory,
      'retries',
      Array.from({ length: 14 }, () => ({ jobtype: 'a' })),
    );
    const jids = Array.from({ length: 12 }, (_, i) => ['--jid', jidOf(i)]).flat();
    const { code, lines } = await ran(['retries', 'discard', ...jids, '--yes'], { env });
    expect([code, lines.filter((line) => line.startsWith('MUTATE ')).length]).toEqual([0, 2]);
    expect(lines).toContain('Retries: 14 jobs before, 2 after');
    expect(await counted(env, ['retries', 'requeue', '--all'])).toEqual([2, 0]);
    expect(await fetchJids(faktory)).toEqual(['a-jid-12', 'a-jid-13']);
  });

  it('kills by glob: spaces, keys in order, <>& as they are stored', async () => {
    await using faktory = await kind.start();
    const env = { FAKTORY_URL: faktory.url };
    const args = [[{ z: 1, tenant: 7, s: 'a <b> c' }], [{ tenant: 70 }], [['tenant', 7]]];
    await fill(
      faktory,
      'scheduled',
      args.map((one) => ({ jobtype: 'a<b', args: one })),
    );
    const kill = (...which: string[]) => counted(env, ['scheduled', 'kill', ...which]);
    expect(await kill('--match', '*<b>*')).toEqual([3, 3]);
    expect(await kill('--match', '*"args":[["tenant"*')).toEqual([3, 3]);
    expect(await kill('--match', '*"args":\\[\\["tenant"*')).toEqual([3, 2]);
    expect(await kill('--match', '*"s":"a \\\\u003cb\\\\u003e c","tenant":7[,}]*')).toEqual([2, 1]);
    expect(await kill('--jobtype', 'a<b')).toEqual([1, 0]);
    expect(await counted(env, ['dead', 'discard', '--match', '*"tenant":7*'])).toEqual([3, 1]);
  });

  it('is refused with a wrong password, which it never shows', async () => {
    await using faktory = await kind.start({ password: 's3cret' });
    const url = faktory.url.replace('s3cret', 'wr0ng');
    const { code, lines } = await ran(['dead', 'discard', '--all', '--yes'], { env: { FAKTORY_URL: url } });
    expect([code, lines]).toEqual([1, [expect.stringMatching(/^millrace: .*Invalid password/)]]);
    expect(lines.join()).not.toMatch(/s3cret|wr0ng/);
  });
});

const hasScript = (await shell('script --version || true')).includes('util-linux');

describe.skipIf(!hasScript)('on a terminal', () => {
  it.each([
    ['y', 0, 0],
    ['n', 1, 1],
    ['', 1, 1],
  ])('asks, and "%s" ends with %d', async (answer, exit, left) => {
    const faktory = await startEmbeddedFaktory({ port: 0 });
    await fill(faktory, 'dead', [{ jobtype: 'a' }]);
    const line = `printf '${answer}\\n' | script -qec '"${process.execPath}" "${MAIN}" dead discard --all' /dev/null`;
    await using child = startProcess('sh', ['-c', line], { env: { FAKTORY_URL: faktory.url } });
    const { code } = await child.waitForExit({ timeoutMs: 30_000 });
    const { dead } = await sizes(faktory);
    await faktory.stop();
    expect([code, dead, child.output]).toEqual([exit, left, expect.stringContaining('Send it? y/N')]);
    expect(child.output).toContain(exit === 0 ? 'Dead: 1 job before, 0 after' : 'nothing was sent');
  });
});

interface Target {
  host?: string;
  port: number;
}

interface FillJob {
  jobtype: string;
  args?: unknown[];
}

const jidOf = (index: number): string => `a-jid-${String(index).padStart(2, '0')}`;

/** The sizes before and after, as `--json` tells them. */
async function counted(env: Record<string, string>, args: readonly string[]): Promise<[number, number]> {
  const { code, lines } = await ran([...args, '--yes', '--json'], { env });
  expect([code, lines]).toEqual([0, [expect.stringMatching(/^\{/)]]);
  const { before, after } = JSON.parse(lines[0]!) as { before: number; after: number };
  return [before, after];
}

/** Puts jobs into a set, with the jids of `jidOf`. */
async function fill(target: Target, set: 'dead' | 'retries' | 'scheduled', jobs: FillJob[]): Promise<void> {
  await using client = await connect(target);
  for (const [index, { jobtype, args = [] }] of jobs.entries()) {
    const job = {
      jid: jidOf(index),
      jobtype,
      args,
      queue: QUEUE,
      reserve_for: 1800,
      retry: set === 'dead' ? -1 : 5,
    };
    const pushed = set === 'scheduled' ? { ...job, at: NEVER } : job;
    expect(await client.ask(`PUSHB [${JSON.stringify(pushed)}]`)).toContain('{}');
    if (set === 'scheduled') continue;
    expect(await client.ask(`FETCH ${QUEUE}`)).toContain(job.jid);
    expect(await client.ask(`FAIL {"jid":"${job.jid}","message":"m","errtype":"E"}`)).toBe('+OK\r\n');
  }
}

/** Of what is in the queue, sorted: MUTATE keeps no order. */
async function fetchJids(target: Target): Promise<string[]> {
  await using client = await connect(target);
  const jids: string[] = [];
  for (;;) {
    const reply = await client.ask(`FETCH ${QUEUE}`);
    if (reply.startsWith('$-1')) return jids.sort();
    jids.push(JSON.parse(reply.slice(reply.indexOf('{'))).jid);
  }
}

async function sizes(target: Target): Promise<{ dead: number }> {
  await using client = await connect(target);
  const reply = await client.ask('INFO');
  return JSON.parse(reply.slice(reply.indexOf('{'))).faktory.sets;
}

async function connect({ host = '127.0.0.1', port }: Target): Promise<RawClient> {
  const client = await RawClient.connect({ host, port });
  await client.reply();
  await client.ask('HELLO {"v":2,"wid":"raw-client","hostname":"test","pid":1,"labels":[]}');
  return client;
}

/** A Faktory so slow that MUTATE runs into its own deadline. */
async function startSlow(): Promise<AsyncDisposable & { url: string; asked: string[] }> {
  const asked: string[] = [];
  let retries = 30_000;
  const replies: Record<string, () => string> = {
    HELLO: () => '+OK',
    INFO: () => {
      const text = JSON.stringify({ faktory: { sets: { dead: 0, retries, scheduled: 0 } } });
      return `$${text.length}\r\n${text}`;
    },
    MUTATE: () => {
      retries = 12_000;
      return '-ERR context deadline exceeded';
    },
  };
  const server = createServer((socket) => {
    socket.write('+HI {"v":2}\r\n');
    createInterface({ input: socket }).on('line', (line) => {
      const verb = line.split(' ')[0]!;
      if (verb !== 'HELLO' && verb !== 'END') asked.push(line);
      const reply = replies[verb];
      if (reply === undefined) socket.end();
      else socket.write(`${reply()}\r\n`);
    });
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `tcp://127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}
