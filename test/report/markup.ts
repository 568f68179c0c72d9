/** A reader of our own pages, stricter than a browser: every element is closed, in order, by its own name. */

const VOID = new Set(['meta']);
const TAG = /<(\/?)([a-z0-9]+)((?: [a-zA-Z-]+(?:="[^"<>]*")?)*)(\/?)>/y;
const TEXT = /(?:[^<>&]|&(?:amp|lt|gt|quot|#39);)+/y;

/** Throws where the page is not well-formed; the names of its elements, each as often as it is there. */
export function elementsOf(html: string): string[] {
  const body = html.replace(/^<!doctype html>/, '').replace(/<style>[^<]*<\/style>/, '');
  const open: string[] = [];
  const names: string[] = [];
  let at = 0;
  while (at < body.length) {
    TAG.lastIndex = at;
    TEXT.lastIndex = at;
    const text = TEXT.exec(body);
    const tag = text === null ? TAG.exec(body) : null;
    if (text === null && tag === null) throw new Error(`not well-formed: ${body.slice(at, at + 80)}`);
    at += (text ?? tag)![0].length;
    if (tag === null) continue;
    const [, closing, name, , selfClosing] = tag as unknown as [string, string, string, string, string];
    if (closing === '/') {
      const last = open.pop();
      if (last !== name) throw new Error(`</${name}> closes <${last}>`);
      continue;
    }
    names.push(name);
    if (selfClosing === '' && !VOID.has(name)) open.push(name);
  }
  if (open.length > 0) throw new Error(`left open: ${open.join(', ')}`);
  return names;
}
