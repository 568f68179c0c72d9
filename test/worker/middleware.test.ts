import { describe, expect, it } from 'vitest';
import { JobContext } from '../../src/worker/context.ts';
import { HeldJob } from '../../src/worker/held-job.ts';
import { leaseOf, nowOnBothClocks } from '../../src/worker/lease.ts';
import { type Chain, compose } from '../../src/worker/middleware.ts';

function context(): JobContext {
  const now = nowOnBothClocks();
  const job = { jid: 'abcdefgh', jobtype: 'add', args: [], queue: 'default' };
  return new JobContext(new HeldJob(job, leaseOf(60, now.steady, now), now.steady));
}

describe('compose', () => {
  it('runs the first one outermost', async () => {
    const seen: string[] = [];
    const layer = (name: string) => async (_ctx: JobContext, next: () => Promise<unknown>) => {
      seen.push(`${name} in`);
      await next();
      seen.push(`${name} out`);
    };
    await compose([layer('a'), layer('b')], () => seen.push('handler'))(context());
    expect(seen).toEqual(['a in', 'b in', 'handler', 'b out', 'a out']);
  });

  it('is the handler itself when there is no middleware', () => {
    const last: Chain = () => 42;
    expect(compose([], last)).toBe(last);
  });

  it('passes what is thrown outward, where a layer may catch it', async () => {
    const caught: unknown[] = [];
    const chain = compose([async (_ctx, next) => next().catch((error) => caught.push(error))], () => {
      throw new Error('no');
    });
    await chain(context());
    expect(caught).toEqual([new Error('no')]);
  });

  it('refuses a second next(): the handler would run twice', async () => {
    let runs = 0;
    const chain = compose(
      [
        async (_ctx, next) => {
          await next();
          await next();
        },
      ],
      () => {
        runs += 1;
      },
    );
    await expect(chain(context())).rejects.toThrow('next() was called twice');
    expect(runs).toBe(1);
  });

  it('lets a layer end the chain without the handler', async () => {
    let runs = 0;
    await compose([() => 'stop'], () => {
      runs += 1;
    })(context());
    expect(runs).toBe(0);
  });

  it('hands on what layers put on the context', async () => {
    let seen: unknown;
    await compose(
      [
        (ctx, next) => {
          ctx.db = 'a connection';
          return next();
        },
      ],
      (ctx) => {
        seen = ctx.db;
      },
    )(context());
    expect(seen).toBe('a connection');
  });
});
