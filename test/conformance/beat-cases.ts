import { expect, it } from 'vitest';
import { until } from '../helpers/until.ts';
import { info, job, newQueue, store } from './jobs.ts';
import type { Bench } from './suite.ts';

export function beatCases(bench: Bench): void {
  it('is OK for a known worker, from any connection', async () => {
    const [, other] = [await bench.talk('beat-1'), await bench.talk()];
    for (const beat of [
      '{"wid":"beat-1"}',
      '{"wid":"beat-1","rss_kb":1000,"current_state":""}',
      '{"WID":"beat-1"}',
    ])
      expect(await other.ask(`BEAT ${beat}`)).toBe('+OK');
    expect(await other.ask('BEAT {"wid":"beat-1","current_state":"nonsense"}')).toBe('+OK');
  });

  it('tells a worker its state: quiet, then terminate, never back', async () => {
    const talk = await bench.talk('beat-2');
    expect(await talk.ask('BEAT {"wid":"beat-2","current_state":"quiet"}')).toBe('bulk {"state":"quiet"}');
    expect(await talk.ask('BEAT {"wid":"beat-2"}')).toBe('bulk {"state":"quiet"}');
    expect(await talk.ask('BEAT {"wid":"beat-2","current_state":"running"}')).toBe('bulk {"state":"quiet"}');
    expect(await talk.ask('BEAT {"wid":"beat-2","current_state":"terminate"}')).toBe(
      'bulk {"state":"terminate"}',
    );
    expect(await talk.ask('BEAT {"wid":"beat-2","current_state":"quiet"}')).toBe(
      'bulk {"state":"terminate"}',
    );
  });

  it.each(['quiet', 'terminate'])('gives a worker told to %s no more jobs', async (state) => {
    const talk = await bench.talk(`beat-${state}`);
    const queue = newQueue();
    await store(talk, job({ queue }));
    await talk.ask(`BEAT {"wid":"beat-${state}","current_state":"${state}"}`);
    expect(await talk.ask(`FETCH ${queue}`)).toBe(null);
    const other = await bench.talk('beat-other');
    expect(await other.ask(`FETCH ${queue}`)).toContain(queue);
  });

  it.each([
    ['{"wid":"nobody"}', 'unknown worker nobody'],
    ['{}', 'unknown worker '],
    ['null', 'unknown worker '],
    ['', 'invalid BEAT '],
    ['[]', 'invalid BEAT []'],
    ['{"wid":1}', 'invalid BEAT {"wid":1}'],
    ['{"wid":"w","rss_kb":1.5}', 'invalid BEAT {"wid":"w","rss_kb":1.5}'],
    ['{"wid":"w","rss_kb":"1"}', 'invalid BEAT {"wid":"w","rss_kb":"1"}'],
  ])('%s is refused', async (payload, refusal) => {
    const talk = await bench.talk();
    expect(await talk.ask(`BEAT ${payload}`)).toBe(`-ERR ${refusal}`);
  });

  it('forgets a worker, its state too, when its last connection closes', async () => {
    const [one, two, watcher] = [await bench.talk('beat-3'), await bench.talk('beat-3'), await bench.talk()];
    await one.ask('BEAT {"wid":"beat-3","current_state":"quiet"}');
    await one.close();
    expect(await watcher.ask('BEAT {"wid":"beat-3"}')).toBe('bulk {"state":"quiet"}');
    await two.close();
    await until(async () => (await watcher.ask('BEAT {"wid":"beat-3"}')) === '-ERR unknown worker beat-3');
    const again = await bench.talk('beat-3');
    expect(await again.ask('BEAT {"wid":"beat-3"}')).toBe('+OK');
    expect((await info(again)).faktory.tasks.Workers!.size).toBe(1);
  });
}
