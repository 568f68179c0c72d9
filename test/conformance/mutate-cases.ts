import { expect, it } from 'vitest';
import { FUTURE, fetchAll, hold, job, newQueue, sets, store } from './jobs.ts';
import type { Talk } from './raw-client.ts';
import type { Bench } from './suite.ts';

type Target = 'scheduled' | 'retries' | 'dead';

/** Puts four jobs into the set: of types red, red, blue, blue with args 1 to 4. */
async function fill(talk: Talk, target: Target, queue: string): Promise<void> {
  for (const [i, jobtype] of ['red', 'red', 'blue', 'blue'].entries()) {
    const fields = { queue, jobtype, args: [i + 1], jid: `${queue}-${i + 1}` };
    if (target === 'scheduled') await store(talk, job({ ...fields, at: FUTURE }));
    else
      await talk.ask(
        `FAIL {"jid":"${(await hold(talk, { ...fields, retry: target === 'dead' ? -1 : 5 })).jid}"}`,
      );
  }
}

/** MUTATE, with the spaces of its JSON escaped. */
const mutate = (cmd: string, target: Target, filter?: object): string =>
  `MUTATE ${JSON.stringify({ cmd, target, filter }).replaceAll(' ', '\\u0020')}`;

export function mutateCases(bench: Bench): void {
  const targets: Target[] = ['scheduled', 'retries', 'dead'];
  const filters: [string, (queue: string) => object | undefined, number[]][] = [
    ['nothing', () => undefined, [1, 2, 3, 4]],
    ['an empty filter', () => ({}), [1, 2, 3, 4]],
    ['a jobtype', () => ({ jobtype: 'red' }), [1, 2]],
    ['a jobtype, which is a glob where it stands alone', () => ({ jobtype: 'b*' }), [3, 4]],
    ['a jobtype beside a glob, which is exact', () => ({ jobtype: 'b*', regexp: '*' }), []],
    ['jids', (queue) => ({ jids: [`${queue}-2`, `${queue}-3`, 'unknown'] }), [2, 3]],
    ['jids, whatever else is said', (queue) => ({ jids: [`${queue}-2`], jobtype: 'blue', regexp: 'x' }), [2]],
    ['a glob', () => ({ regexp: '*"args":\\[[13]\\]*' }), [1, 3]],
    ['a glob of one ?', () => ({ regexp: '*"jobtype":"b?ue"*' }), [3, 4]],
    ['a glob that would have to match all', () => ({ regexp: 'red' }), []],
    ['a glob and a jobtype', () => ({ regexp: '*"args":\\[[^13]\\]*', jobtype: 'red' }), [2]],
    ['what is not there', () => ({ jobtype: 'green' }), []],
    ['empty jids', () => ({ jids: [] }), [1, 2, 3, 4]],
  ];

  it.each(targets.flatMap((target) => filters.map(([name, ...rest]) => [target, name, ...rest] as const)))(
    'requeues from %s by %s',
    async (target, _name, filter, expected) => {
      const talk = await bench.talk();
      const queue = newQueue();
      await fill(talk, target, queue);
      expect(await talk.ask(mutate('requeue', target, filter(queue)))).toBe('+OK');
      expect((await sets(talk))[target]).toBe(4 - expected.length);
      const args = (await fetchAll(talk, queue)).map((one) => one.args[0]);
      expect(args.sort()).toEqual(expected);
    },
  );

  it.each(targets)('discards and kills from %s', async (target) => {
    const talk = await bench.talk();
    const queue = newQueue();
    await fill(talk, target, queue);
    expect(await talk.ask(mutate('discard', target, { jids: [`${queue}-1`] }))).toBe('+OK');
    expect((await sets(talk))[target]).toBe(3);
    expect(await talk.ask(mutate('kill', target, { jobtype: 'blue' }))).toBe('+OK');
    const after = await sets(talk);
    expect([after[target], after.dead]).toEqual(target === 'dead' ? [3, 3] : [1, 2]);
    expect(await fetchAll(talk, queue)).toEqual([]);
  });

  it.each(targets)('clears %s, whatever the filter', async (target) => {
    const talk = await bench.talk();
    await fill(talk, target, newQueue());
    expect(await talk.ask(mutate('clear', target, { jobtype: 'red' }))).toBe('+OK');
    expect((await sets(talk))[target]).toBe(0);
  });

  it('requeues behind what is in the queue, with the failure that it had', async () => {
    const talk = await bench.talk();
    const queue = newQueue();
    const { jid } = await hold(talk, { queue });
    await talk.ask(`FAIL {"jid":"${jid}","message":"m"}`);
    await store(talk, job({ queue }));
    await talk.ask('MUTATE {"cmd":"requeue","target":"retries"}');
    const jobs = await fetchAll(talk, queue);
    expect(jobs.map((one) => one.failure?.message)).toEqual([undefined, 'm']);
  });

  it.each([
    ['MUTATE', 'invalid format'],
    ['MUTATE {"cmd":"clear", "target":"dead"}', 'invalid format'],
    ['MUTATE  {"cmd":"clear","target":"dead"}', 'invalid format'],
    ['MUTATE {"cmd":"shred","target":"dead"}', 'unknown mutate operation'],
    ['MUTATE {"cmd":"KILL","target":"dead"}', 'unknown mutate operation'],
    ['MUTATE {"target":"dead"}', 'unknown mutate operation'],
    ['MUTATE null', 'unknown mutate operation'],
    ['MUTATE {"cmd":"kill","target":"working"}', 'invalid target for mutation command'],
    ['MUTATE {"cmd":"kill"}', 'invalid target for mutation command'],
    ['MUTATE {"cmd":"clear","target":"default"}', 'invalid target for mutation command'],
  ])('%s is refused', async (line, refusal) => {
    const talk = await bench.talk();
    expect(await talk.ask(line)).toBe(`-ERR ${refusal}`);
  });

  it.each([
    '{',
    'x',
    '{"cmd":1}',
    '{"cmd":"kill","target":"dead","filter":"x"}',
    '{"cmd":"kill","target":"dead","filter":{"jids":"x"}}',
  ])('MUTATE %s is refused', async (payload) => {
    const talk = await bench.talk();
    expect(await talk.ask(`MUTATE ${payload}`)).toMatch(/^-ERR ./);
  });
}
