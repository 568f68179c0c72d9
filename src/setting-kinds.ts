/** The kinds of settings: what each takes, and how its text is read. Throws CONFIG_INVALID naming the variable. */
import { MillraceError } from './errors.ts';

/** One variable. `parse` returns undefined for what it does not take. */
export interface Setting<T> {
  readonly fallback: T;
  /** How the default is shown, where it is not the value itself. */
  readonly shown?: string;
  readonly takes: string;
  readonly help: string;
  parse(text: string): T | undefined;
}

export interface ReadableSetting<T> extends Setting<T> {
  read(name: string, value: string | undefined): T;
}

function setting<T>(definition: Setting<T>): ReadableSetting<T> {
  return {
    ...definition,
    read(name, value) {
      if (value === undefined || value.trim() === '') return definition.fallback;
      const parsed = definition.parse(value.trim());
      if (parsed === undefined) throw invalid(name, value, definition.takes);
      return parsed;
    },
  };
}

export function text(fallback: string, help: string): ReadableSetting<string> {
  return setting({ fallback, help, takes: 'text', parse: (value) => value });
}

/** What a header can carry: a token of other characters could be set and never be sent. */
export function tokens(help: string): ReadableSetting<readonly string[] | undefined> {
  return setting<readonly string[] | undefined>({
    fallback: undefined,
    help,
    takes:
      'visible ASCII characters without spaces, several with commas between, or a path that starts with /',
    parse: (value) => (/^[\x21-\x7e]+$/.test(value) ? partsOf(value) : undefined),
  });
}

/** Names with commas between; one that ends with `*` means all that begin so, before which comes what `part` matches. */
export function names(help: string, part = /^[^\s*]*$/): ReadableSetting<readonly string[] | undefined> {
  return setting<readonly string[] | undefined>({
    fallback: undefined,
    help,
    takes: 'names with commas between, such as a,b or mail.*',
    parse: (value) => {
      const parts = partsOf(value);
      return parts?.every((each) => part.test(each.replace(/\*$/, ''))) ? parts : undefined;
    },
  });
}

/** Host names or addresses with commas between, without port. */
export function hosts(help: string): ReadableSetting<readonly string[]> {
  return setting<readonly string[]>({
    fallback: [],
    shown: 'none',
    help,
    takes: 'names of hosts with commas between, such as api.example.com',
    parse: (value) => {
      const parts = partsOf(value.toLowerCase());
      return parts?.every((part) => /^[a-z0-9._-]+$/.test(part)) ? parts : undefined;
    },
  });
}

/** Origins of web pages with commas between. */
export function origins(help: string): ReadableSetting<readonly string[]> {
  return setting<readonly string[]>({
    fallback: [],
    shown: 'none',
    help,
    takes: 'origins with commas between, such as https://app.example.com',
    parse: (value) => {
      const parts = partsOf(value.toLowerCase());
      return parts?.every((part) => URL.canParse(part) && new URL(part).origin === part) ? parts : undefined;
    },
  });
}

/** Undefined when one of them is empty. */
function partsOf(value: string): string[] | undefined {
  const parts = value.split(',').map((part) => part.trim());
  return parts.includes('') ? undefined : [...new Set(parts)];
}

export function optional(help: string): ReadableSetting<string | undefined> {
  return setting<string | undefined>({ fallback: undefined, help, takes: 'text', parse: (value) => value });
}

export function whole(fallback: number, min: number, max: number, help: string): ReadableSetting<number> {
  const takes = `a whole number from ${min} to ${max}`;
  return setting({ fallback, help, takes, parse: (value) => parseWhole(value, min, max) });
}

/** What the program finds out by itself unless it is told. */
export function autoOr(
  fallback: number | 'auto',
  min: number,
  max: number,
  help: string,
): ReadableSetting<number | 'auto'> {
  const takes = `auto, or a whole number from ${min} to ${max}`;
  const parse = (value: string) =>
    value.toLowerCase() === 'auto' ? ('auto' as const) : parseWhole(value, min, max);
  return setting<number | 'auto'>({ fallback, help, takes, parse });
}

/** Off unless it is set. */
export function port(help: string): ReadableSetting<number | undefined> {
  const takes = 'a whole number from 0 to 65535';
  return setting<number | undefined>({
    fallback: undefined,
    help,
    takes,
    parse: (value) => parseWhole(value, 0, 65_535),
  });
}

/** A place in a row. */
export function ordinal(help: string): ReadableSetting<number | undefined> {
  const takes = 'a whole number from 0 to 4095';
  const parse = (value: string) => parseWhole(value, 0, 4_095);
  return setting<number | undefined>({ fallback: undefined, help, takes, parse });
}

function parseWhole(value: string, min: number, max: number): number | undefined {
  const number = /^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN;
  return number >= min && number <= max ? number : undefined;
}

const BOOLEANS_TAKEN = 'true or false (also yes/no, 1/0, on/off)';
const BOOLEANS = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['0', false],
  ['no', false],
  ['off', false],
]);

export function flag(fallback: boolean, help: string): ReadableSetting<boolean> {
  return setting({
    fallback,
    help,
    takes: BOOLEANS_TAKEN,
    parse: (value) => BOOLEANS.get(value.toLowerCase()),
  });
}

export function terminalFlag(): ReadableSetting<boolean> {
  const help = 'logs as lines for people rather than as JSON';
  const parse = (value: string) => BOOLEANS.get(value.toLowerCase());
  return setting({
    fallback: process.stdout.isTTY === true,
    shown: 'on a terminal',
    help,
    takes: BOOLEANS_TAKEN,
    parse,
  });
}

export function oneOf(fallback: string, values: readonly string[], help: string): ReadableSetting<string> {
  const takes = `one of ${values.join(', ')}`;
  return setting({
    fallback,
    help: `${help}: ${values.join(', ')}`,
    takes,
    parse: (value) => values.find((one) => one === value.toLowerCase()),
  });
}

/** `a,b`: a always before b. `a:3,b:1`: a first three times in four. */
export type QueuesSetting = string[] | Record<string, number>;

export function queues(): ReadableSetting<QueuesSetting> {
  return setting<QueuesSetting>({
    fallback: ['default'],
    help: 'queues to work on: a,b in strict order, a:3,b:1 weighted',
    takes: 'names such as a,b or all with weights such as a:3,b:1',
    parse: parseQueues,
  });
}

function parseQueues(value: string): QueuesSetting | undefined {
  const parts = value.split(',').map((part) => part.trim());
  if (parts.every((part) => /^[a-zA-Z0-9._-]+$/.test(part))) return [...new Set(parts)];
  const weighted = parts.map((part) => /^([a-zA-Z0-9._-]+):([1-9]\d{0,3})$/.exec(part));
  if (weighted.some((match) => match === null)) return undefined;
  return Object.fromEntries(weighted.map((match) => [match![1]!, Number(match![2])]));
}

function invalid(name: string, value: string, takes: string, cause?: unknown): MillraceError {
  const shown = /PASSWORD|TOKEN/.test(name) ? 'not usable' : `"${value}"`;
  return new MillraceError('CONFIG_INVALID', `${name} is ${shown}, it takes ${takes}`, { cause });
}
