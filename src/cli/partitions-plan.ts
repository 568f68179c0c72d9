/** Carries out `millrace partitions plan`. */
import { createReadStream } from 'node:fs';
import { MillraceError, messageOf } from '../errors.ts';
import { podsNeeded, type Spread, SpreadTally, uncovered } from '../partitions/layout.ts';
import { readLines } from './file-lines.ts';
import { planText, shortageText, spreadText } from './partitions-text.ts';

export interface PlanRequest {
  partitions: number;
  perPod: number;
  pods: number | undefined;
  /** File of keys; `-`: standard input. */
  keys: string | undefined;
  /** How many keys to make up. */
  sample: number | undefined;
  json: boolean;
}

/** Throws CONFIG_INVALID. */
export async function runPlan({ partitions, perPod, pods, keys, sample, json }: PlanRequest): Promise<void> {
  if (partitions === 0)
    throw new MillraceError('CONFIG_INVALID', 'say into how many: --partitions 16, or PARTITIONS=16');
  const spread = await spreadOf(partitions, keys, sample);
  const needed = podsNeeded(partitions, perPod);
  const without = pods === undefined ? 0 : uncovered(partitions, perPod, pods);
  if (json) {
    const plan = {
      partitions,
      perPod,
      podsNeeded: needed,
      withoutOwner: pods === undefined ? null : without,
    };
    console.log(JSON.stringify({ ...plan, spread: spread ?? null }));
  } else {
    console.log(planText(partitions, perPod));
    if (spread !== undefined) console.log(`\n${spreadText(spread)}`);
  }
  if (pods !== undefined && without > 0) console.error(shortageText({ partitions, perPod, pods }));
}

async function spreadOf(
  partitions: number,
  keys: string | undefined,
  sample: number | undefined,
): Promise<Spread | undefined> {
  const tally = new SpreadTally(partitions);
  if (sample !== undefined) {
    for (let i = 0; i < sample; i += 1) tally.add(madeUpPhone(i));
    return tally.result();
  }
  if (keys === undefined) return undefined;
  await addKeys(keys, tally);
  return tally.result();
}

async function addKeys(file: string, tally: SpreadTally): Promise<void> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  try {
    for await (const lines of readLines(input)) {
      for (const { text } of lines) {
        const key = text?.trim();
        if (key !== undefined) tally.add(key);
      }
    }
  } catch (cause) {
    throw new MillraceError('CONFIG_INVALID', `--keys ${file} cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** The same each time; no number twice below a hundred million. */
function madeUpPhone(i: number): string {
  return `+55119${String((i * 7_919_993) % 100_000_000).padStart(8, '0')}`;
}
