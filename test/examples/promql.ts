/** What the tests read out of an expression of PromQL; no more of its grammar than that. */

export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly op: string; readonly value: string }[];
}

export interface Expression {
  readonly selectors: readonly Selector[];
  /** Of `by`, `without`, `on`, `ignoring`. */
  readonly grouping: readonly string[];
}

const KEYWORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan']);
const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)/g;
const MATCHER = /\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"([^"\\]*)"\s*(?:,|$)/y;

/** Throws where brackets do not balance, or the matchers of a selector cannot be read. */
export function readExpression(expr: string): Expression {
  checkBrackets(expr);
  const grouping: string[] = [];
  const selectors: Selector[] = [];
  const rest = expr
    .replace(/\[[^\]]*\]/g, ' ')
    .replace(GROUPING, (_all, labels: string) => {
      grouping.push(
        ...labels
          .split(',')
          .map((label) => label.trim())
          .filter(Boolean),
      );
      return ' ';
    })
    .replace(/([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}/g, (_all, metric: string, matchers: string) => {
      selectors.push({ metric, matchers: readMatchers(matchers) });
      return ' ';
    });
  for (const [, name, call] of rest.matchAll(/\b([a-zA-Z_:][\w:]*)\b(\s*\()?/g)) {
    if (call === undefined && !KEYWORDS.has(name!)) selectors.push({ metric: name!, matchers: [] });
  }
  return { selectors, grouping };
}

function readMatchers(text: string): Selector['matchers'] {
  const matchers: { label: string; op: string; value: string }[] = [];
  MATCHER.lastIndex = 0;
  while (MATCHER.lastIndex < text.trimEnd().length) {
    const match = MATCHER.exec(text);
    if (match === null) throw new Error(`not a list of matchers: {${text}}`);
    matchers.push({ label: match[1]!, op: match[2]!, value: match[3]! });
  }
  return matchers;
}

const CLOSING: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

function checkBrackets(expr: string): void {
  const open: string[] = [];
  for (const char of expr.replace(/"[^"]*"/g, '""')) {
    if ('([{'.includes(char)) open.push(char);
    else if (CLOSING[char] !== undefined && open.pop() !== CLOSING[char])
      throw new Error(`a ${char} too many: ${expr}`);
  }
  if (open.length > 0 || (expr.match(/"/g) ?? []).length % 2 === 1) throw new Error(`not closed: ${expr}`);
}
