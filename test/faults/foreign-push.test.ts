import { expect, it } from 'vitest';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { connectRaw, fetchRaw } from './raw-faktory.ts';
import { setStage } from './stage.ts';

describeOnRealFaktory('another client on the same Faktory', () => {
  it('row 12: whose PUSH with retry 0 changes the default of the server does not touch our retries', async () => {
    using ledger = new Ledger({ row: 12, name: 'foreign PUSH with retry 0' });
    await using stage = await setStage(ledger);
    await using foreign = await connectRaw(stage.faktory, 'foreign-worker');
    const push = (job: object) => foreign.ask(`PUSH ${JSON.stringify({ jobtype: 'x', args: [], ...job })}`);
    expect(await push({ jid: 'foreign-1', retry: 0, queue: 'foreign' })).toBe('+OK\r\n');

    // The fault is there: a job of theirs that says nothing has inherited it.
    expect(await push({ jid: 'foreign-2', queue: 'other' })).toBe('+OK\r\n');
    const inherited = await fetchRaw(foreign, 'other');
    ledger.note('retry of a foreign job that says none', String(inherited.retry ?? 'none'));
    await stage.push(1, { queue: 'ours' });
    const ours = await fetchRaw(foreign, 'ours');
    ledger.note('retry of ours', String(ours.retry));
    await foreign.ask(`FAIL ${JSON.stringify({ jid: ours.jid, errtype: 'E', message: 'm' })}`);
    await until(async () => (await stage.held()).sets.retries === 1, { what: 'our job in Retries' });
    await foreign.ask('MUTATE {"cmd":"requeue","target":"retries","filter":{}}');

    await stage.startWorker({ env: { WORKER_QUEUES: 'ours,default' } });
    await stage.push(20, { jobtype: 'failOnce' });
    await until(async () => (await stage.held()).sets.retries === 20, { what: '20 failed jobs in Retries' });
    await foreign.ask('MUTATE {"cmd":"requeue","target":"retries","filter":{}}');
    await stage.untilAllRan();
    const report = ledger.settle();
    expect(inherited.retry).not.toBe(25);
    expect(ours).toMatchObject({ retry: 25, reserve_for: 60 });
    expect(report).toMatchObject({ accepted: 21, executed: 21, lost: 0, open: 0, ghosts: 0 });
  });
});
