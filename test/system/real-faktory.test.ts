import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { isAlive } from '../helpers/process.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { FAKTORY_VERSIONS, type RealFaktory, startRealFaktory } from '../helpers/real-faktory.ts';

const JOB =
  '{"jid":"real-faktory-1","jobtype":"add","args":[1,2],"queue":"default","retry":25,"reserve_for":1800}';

describeOnRealFaktory('the real Faktory', startsAndStops, FAKTORY_VERSIONS);

function startsAndStops(version: (typeof FAKTORY_VERSIONS)[number]): void {
  it('takes a job and hands it out', async () => {
    await using faktory = await startRealFaktory({ version });
    await using client = await worker(faktory);
    expect(await client.ask(`PUSHB [${JOB}]`)).toBe('$2\r\n{}\r\n');
    expect(await client.ask('FETCH default')).toContain('"jid":"real-faktory-1"');
    expect(await client.ask('ACK {"jid":"real-faktory-1"}')).toBe('+OK\r\n');
    expect(await client.ask('INFO')).toContain(`"faktory_version":"${version}"`);
  });

  it('answers only who knows its password', async () => {
    await using faktory = await startRealFaktory({ version, password: 'f@kt0ry' });
    expect(faktory.url).toBe(`tcp://:f%40kt0ry@127.0.0.1:${faktory.port}`);
    await using client = await worker(faktory);
    expect(await client.ask('FETCH default')).toBe('$-1\r\n');
    await expect(worker({ ...address(faktory), password: 'wrong' })).rejects.toThrow('Invalid password');
  });

  it('has its jobs after a restart, asked for or after SIGKILL', async () => {
    await using faktory = await startRealFaktory({ version });
    await push(faktory);
    const before = faktory.pid;
    await faktory.restart();
    expect(faktory.pid).not.toBe(before);
    expect(await fetchJid(faktory)).toBe('real-faktory-1');

    await push(faktory);
    await faktory.kill('SIGKILL');
    await faktory.restart();
    expect(await fetchJid(faktory)).toBe('real-faktory-1');
  });

  it('leaves no process and no folder', async () => {
    const faktory = await startRealFaktory({ version });
    const { pid, redisPid, dir } = faktory;
    expect([isAlive(pid), isAlive(redisPid), existsSync(dir)]).toEqual([true, true, true]);
    await faktory.stop();
    await faktory.stop();
    expect([isAlive(pid), isAlive(redisPid), existsSync(dir)]).toEqual([false, false, false]);
  });

  it('is stopped although Redis was killed or Faktory is suspended', async () => {
    const crashed = await startRealFaktory({ version });
    process.kill(crashed.redisPid, 'SIGKILL');
    await crashed.stop();
    const suspended = await startRealFaktory({ version });
    const { redisPid } = suspended;
    await suspended.kill('SIGSTOP');
    await suspended.stop();
    expect(isAlive(redisPid)).toBe(false);
  });
}

async function push(faktory: RealFaktory): Promise<void> {
  await using client = await worker(faktory);
  expect(await client.ask(`PUSHB [${JOB}]`)).toBe('$2\r\n{}\r\n');
}

async function fetchJid(faktory: RealFaktory): Promise<string | undefined> {
  await using client = await worker(faktory);
  const jid = /"jid":"([^"]*)"/.exec(await client.ask('FETCH default'))?.[1];
  await client.ask(`ACK {"jid":"${jid}"}`);
  return jid;
}

interface Target {
  host: string;
  port: number;
  password: string | undefined;
}

function address({ host, port }: RealFaktory): { host: string; port: number } {
  return { host, port };
}

/** A connection that has said HELLO as a worker. */
async function worker({ host, port, password }: Target): Promise<RawClient> {
  const client = await RawClient.connect({ host, port });
  const greeting: { s?: string; i?: number } = JSON.parse((await client.reply()).slice('+HI '.length));
  const pwdhash = greeting.s && password ? { pwdhash: hash(password, greeting.s, greeting.i ?? 1) } : {};
  const hello = { v: 2, wid: 'raw-client', hostname: 'test', pid: process.pid, labels: [], ...pwdhash };
  const answer = await client.ask(`HELLO ${JSON.stringify(hello)}`);
  if (answer !== '+OK\r\n') throw new Error(answer);
  return client;
}

function hash(password: string, salt: string, iterations: number): string {
  let digest = createHash('sha256').update(password).update(salt).digest();
  for (let i = 1; i < iterations; i++) digest = createHash('sha256').update(digest).digest();
  return digest.toString('hex');
}
