/** Whether every request and every job of a load is accounted for. Pure: numbers in, words out. */

export interface Account {
  readonly sent: number;
  readonly accepted: number;
  /** Answered, and not accepted. */
  readonly refused: number;
  /** No answer. */
  readonly errors: number;
  /** Sent, and the connection was cut on purpose before the answer. */
  readonly cut: number;
  /** Requests that had to be refused: malformed. null: not known. */
  readonly malformed: number | null;
  /** Whether anything but those may be refused, as under an overload. */
  readonly mayRefuse: boolean;
  /** Jobs that Faktory has, as the API itself counts; null where others push, too, or it does not tell. */
  readonly stored: number | null;
  /** null: nobody looked. */
  readonly executed: number | null;
  readonly poisoned: number | null;
  /** How many more are in Dead than before; null: nobody looked. */
  readonly dead: number | null;
}

/** What does not add up, a sentence each; none: all of it does. */
export function gapsOf(account: Account): string[] {
  return [...gapsOfRequests(account), ...gapsOfJobs(account)];
}

function gapsOfRequests(account: Account): string[] {
  const { sent, accepted, refused, errors, cut, malformed, mayRefuse } = account;
  const gaps: string[] = [];
  if (errors > 0) gaps.push(`${count(errors)} of ${count(sent)} requests got no answer`);
  const missing = sent - accepted - refused - errors - cut;
  if (missing !== 0)
    gaps.push(`${count(sent)} sent, ${count(accepted + refused + errors + cut)} accounted for`);
  if (malformed === null || mayRefuse) return gaps;
  if (refused > malformed)
    gaps.push(`${count(refused - malformed)} requests were refused that should not have been`);
  if (refused < malformed) gaps.push(`${count(malformed - refused)} malformed requests were not refused`);
  return gaps;
}

function gapsOfJobs({ accepted, cut, errors, stored, executed, poisoned, dead }: Account): string[] {
  const gaps: string[] = [];
  if (stored !== null && stored < accepted)
    gaps.push(`${count(accepted - stored)} accepted jobs were never stored, by the API's own count`);
  if (executed === null || poisoned === null) return gaps;
  const ran = executed + poisoned;
  const wanted = stored ?? accepted;
  if (ran < wanted)
    gaps.push(`${count(wanted - ran)} of ${count(wanted)} accepted jobs were lost: nobody ran them`);
  // What was cut, or lost without an answer, may have been stored.
  const most = stored ?? accepted + cut + errors;
  if (ran > most) gaps.push(`${count(ran - most)} jobs more were run than were accepted`);
  if (dead !== null && dead < poisoned)
    gaps.push(`${count(poisoned - dead)} of ${count(poisoned)} invalid jobs are not in Dead`);
  return gaps;
}

const count = (value: number): string => value.toLocaleString('en-US');
