/**
 * The string that stands under `key` at the top level of a JSON object of which only the start is at hand; undefined
 * where it has not come by then, or is no JSON: a head is what a fault is told by, it must not be one. A search for the text of the key would find it inside `custom` too.
 */
export function topLevelString(head: string, key: string): string | undefined {
  let depth = 0;
  for (let at = 0; at < head.length; at += 1) {
    const char = head[at];
    if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    else if (char === '"') {
      const end = endOfString(head, at);
      if (end === undefined) return undefined;
      if (depth === 1 && head[end + 1] === ':' && head.slice(at + 1, end) === key)
        return stringAt(head, end + 2);
      at = end;
    }
  }
  return undefined;
}

function stringAt(head: string, at: number): string | undefined {
  const end = head[at] === '"' ? endOfString(head, at) : undefined;
  if (end === undefined) return undefined;
  try {
    return JSON.parse(head.slice(at, end + 1)) as string;
  } catch {
    return undefined;
  }
}

/** Where the string that opens at `at` closes. */
function endOfString(head: string, at: number): number | undefined {
  for (let i = at + 1; i < head.length; i += 1) {
    if (head[i] === '\\') i += 1;
    else if (head[i] === '"') return i;
  }
  return undefined;
}
