/** Whether an API can be loaded at all, told in one line before anything is measured. */
import type { Reach } from '../bench/worker-order.ts';
import { MillraceError, messageOf } from '../errors.ts';
import { type BodyPlan, bodyOf, pathOf } from './body.ts';
import { clock } from './clock.ts';
import type { Target } from './shot.ts';
import { LOAD_QUEUE, Stage } from './stage.ts';

const ANSWER_LIMIT_MS = 10_000;
const RUN_LIMIT_MS = 10_000;

export interface ReachOptions {
  readonly foreign: Target;
  readonly reach: Reach | undefined;
  readonly jobtype: string;
}

/**
 * Pushes one job, and sees that a worker of the load gets it where there is to be one. TLS is verified here: autocannon
 * does not. Throws CONFIG_INVALID with what to do.
 */
export async function checkReach({ foreign, reach, jobtype }: ReachOptions): Promise<void> {
  if (reach === undefined) return pushOne(foreign, { jobtype });
  await using stage = await Stage.open({
    ...{ foreign, faktory: reach, jobtype },
    pushing: {},
    onCount: () => {},
  });
  await stage.resetWorker(clock(), 1_000);
  await pushOne(foreign, stage.plan);
  await stage.untilRan(1, () => {}, RUN_LIMIT_MS);
  if ((await stage.executed())?.executed === 1) return;
  throw new MillraceError(
    'CONFIG_INVALID',
    `a job that ${foreign.url} took did not come to the queue ${LOAD_QUEUE} of ${reach.url}: is FAKTORY_URL the Faktory of this API?`,
  );
}

async function pushOne({ url, token }: Target, plan: BodyPlan): Promise<void> {
  const response = await fetch(url + pathOf(plan), {
    method: 'POST',
    redirect: 'manual',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: bodyOf(plan, 0),
    signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
  }).catch((error: unknown) => {
    const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new MillraceError('CONFIG_INVALID', `${url} cannot be reached: ${messageOf(reason)}`, {
      cause: error,
    });
  });
  if (response.ok) return;
  const text = await response.text();
  throw new MillraceError('CONFIG_INVALID', refusalOf(url, response.status, text, token !== undefined));
}

/** Why the first job was not taken, and what to do. Pure. */
export function refusalOf(url: string, status: number, body: string, hasToken: boolean): string {
  if (status === 401)
    return `${url} answered 401: ${hasToken ? 'it does not know the token of API_TOKEN' : 'set API_TOKEN to its token'}`;
  const problem = problemIn(body);
  if (status === 404 && problem === undefined) return `${url} answered 404: is it a millrace API?`;
  return `${url} did not take a job: ${status}${problem === undefined ? '' : `, ${problem}`}`;
}

function problemIn(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } };
    return typeof error?.message === 'string' ? messageOf(error.message) : undefined;
  } catch {
    return undefined;
  }
}
