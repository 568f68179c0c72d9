/** A command that asks what an operation describes. Pure. */
import type { Method, Operation } from '../openapi/types.ts';

export interface CurlOptions {
  /** `http://host:port`. */
  readonly url: string;
  readonly asksForToken: boolean;
}

/** For a POSIX shell, ready to be run; the token is taken from its environment. */
export function curlOf(path: string, method: Method, operation: Operation, options: CurlOptions): string {
  const { parameters = [], requestBody, security } = operation;
  const filled = path.replace(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(String(parameters.find((each) => each.name === name)?.example ?? name)),
  );
  const words = ['curl'];
  if (method === 'post' && requestBody === undefined) words.push('-X POST');
  words.push(quote(options.url + filled));
  // In the environment, and not written here, where it would stay in a shell's history.
  if (options.asksForToken && security === undefined) words.push('-H "Authorization: Bearer $API_TOKEN"');
  if (requestBody !== undefined) words.push(...bodyWords(requestBody));
  return words.join(' ');
}

function bodyWords({ content }: NonNullable<Operation['requestBody']>): string[] {
  const [media] = Object.values(content);
  const [first] = Object.values(media?.examples ?? {});
  const example = first === undefined ? media?.example : first.value;
  if (typeof example === 'string') return ['--data-binary', quote(example)];
  return ['-d', quote(JSON.stringify(example))];
}

/** One word of a shell, whatever it holds. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
