/** Redis's glob patterns, which MUTATE's `regexp` filter takes: `*`, `?`, `[a-c]`, `[^a]`, `\` before a character. */

/** Whether the pattern matches the whole text. */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let afterStar = -1;
  let starAt = 0;
  while (t < text.length) {
    if (pattern[p] === '*') {
      p += 1;
      afterStar = p;
      starAt = t;
      continue;
    }
    const next = p < pattern.length ? step(pattern, p, text.charCodeAt(t)) : -1;
    if (next !== -1) {
      p = next;
      t += 1;
    } else if (afterStar === -1) {
      return false;
    } else {
      starAt += 1;
      t = starAt;
      p = afterStar;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p >= pattern.length;
}

/** Where the pattern goes on after it has matched the character; -1 when it does not match. */
function step(pattern: string, at: number, code: number): number {
  switch (pattern[at]) {
    case '?':
      return at + 1;
    case '[':
      return stepClass(pattern, at + 1, code);
    case '\\':
      if (at + 1 < pattern.length) return pattern.charCodeAt(at + 1) === code ? at + 2 : -1;
      return code === 0x5c ? at + 1 : -1;
    default:
      return pattern.charCodeAt(at) === code ? at + 1 : -1;
  }
}

/** A class without an end reaches to the end of the pattern, as in Redis. */
function stepClass(pattern: string, from: number, code: number): number {
  const negated = pattern[from] === '^';
  let at = negated ? from + 1 : from;
  let found = false;
  while (at < pattern.length && pattern[at] !== ']') {
    if (pattern[at] === '\\' && at + 1 < pattern.length) at += 1;
    const low = pattern.charCodeAt(at);
    if (pattern[at + 1] === '-' && at + 2 < pattern.length) {
      const high = pattern.charCodeAt(at + 2);
      if (code >= Math.min(low, high) && code <= Math.max(low, high)) found = true;
      at += 3;
    } else {
      if (code === low) found = true;
      at += 1;
    }
  }
  return found === negated ? -1 : Math.min(at + 1, pattern.length);
}
