import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { defineJobs } from '../../src/contract/contract.ts';
import { turns } from '../connection/ask.ts';
import { bulk, jidsOf, Peer } from '../connection/peer.ts';

/** Pushes whose contract is checked asynchronously: accepted when they were asked for, not when the check ends. */
type Result = { value: [] } | { issues: { message: string }[] };
let passing: ((result: Result) => void)[];
let peer: Peer;
let client: Client;

const jobs = defineJobs({
  slow: {
    args: {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => new Promise<Result>((resolve) => passing.push(resolve)),
      },
    },
  },
  quick: {},
});

beforeEach(async () => {
  passing = [];
  peer = await Peer.start();
  client = new Client({ url: peer.url, logger: false, contract: jobs }) as unknown as Client;
});
afterEach(async () => {
  await client.close();
  await peer.close();
});

const slow = (k: number) => ({ jobtype: 'slow', jid: `jid-0000${k}`, args: [] });
const pass = (k: number): void => passing[k]!({ value: [] });

/** Whether it is settled by now, as it is looked at. */
function watched(promise: Promise<unknown>): { done: boolean } {
  const state = { done: false };
  const finish = (): void => {
    state.done = true;
  };
  promise.then(finish, finish);
  return state;
}

describe('pushes that are still checked', () => {
  it.each<[string, (k: number) => Promise<unknown>]>([
    ['push', (k) => client.push(slow(k))],
    ['enqueue', (k) => client.enqueue(slow(k))],
    ['pushBulk', (k) => client.pushBulk([slow(k)])],
  ])('are waited for by flush: %s', async (_name, push) => {
    const pushed = push(1);
    await turns();
    const flushing = client.flush();
    const flushed = watched(flushing);
    await client.push({ jobtype: 'quick', jid: 'jid-quick' });
    await turns();
    expect(flushed.done).toBe(false);
    pass(0);
    expect(await flushing).toBe('OK');
    expect(peer.commands.flatMap(jidsOf)).toEqual(['jid-quick', 'jid-00001']);
    await pushed;
  });

  it('are sent by close, which takes nothing else', async () => {
    const pushed = [client.push(slow(1)), client.enqueue(slow(2))];
    const closing = client.close();
    const closed = watched(closing);
    await expect(client.push(slow(3))).rejects.toMatchObject({ code: 'CLOSED' });
    await turns();
    expect([closed.done, peer.commands]).toEqual([false, []]);
    pass(0);
    pass(1);
    await closing;
    expect(await Promise.all(pushed)).toEqual(['jid-00001', 'jid-00002']);
    expect(peer.commands.flatMap(jidsOf)).toEqual(['jid-00001', 'jid-00002']);
  });

  it('that do not fit keep neither flush nor close waiting, and are told to their caller only', async () => {
    const refused = [
      expect(client.push(slow(1))).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' }),
      expect(client.enqueue(slow(2))).rejects.toMatchObject({ code: 'PAYLOAD_INVALID' }),
    ];
    const flushing = client.flush();
    for (const tell of passing) tell({ issues: [{ message: 'no' }] });
    expect(await flushing).toBe('OK');
    await Promise.all(refused);
    expect(peer.commands).toEqual([]);
  });

  it('that come after the flush was asked for are not waited for', async () => {
    const first = client.push(slow(1));
    const flushing = client.flush();
    const second = client.push(slow(2));
    pass(0);
    expect(await flushing).toBe('OK');
    pass(1);
    expect(await Promise.all([first, second])).toEqual(['jid-00001', 'jid-00002']);
  });

  it('and whose storing fails are told by that flush', async () => {
    peer.script = () => bulk('{"jid-00001":"jobs must have an args parameter"}');
    await Promise.all([client.enqueue(slow(1)), turns().then(() => pass(0))]);
    await expect(client.flush()).rejects.toMatchObject({ errors: [{ code: 'JOB_REJECTED' }] });
  });
});
