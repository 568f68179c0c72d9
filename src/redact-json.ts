/** Takes secrets out of JSON: only its strings are looked at, so what was JSON stays so, with the same keys. Pure. */
import { isSecretName } from './secret-name.ts';

export const HIDDEN = '***';

/** What says which job a line is about is shown whatever it looks like: a queue may be called as a password is. */
const SHOWN = new Set(['jid', 'jobtype', 'jobtypes', 'queue', 'queues', 'wid']);

/** How the strings of an object or array are treated: by the name that leads to them. */
type Treatment = 'shown' | 'hidden' | 'searched';

/** Where in the JSON the walk is. */
class Place {
  readonly #around: Treatment[] = [];
  /** Of the value that comes next. */
  treatment: Treatment = 'searched';

  enter(name: string): void {
    const around = this.#around.at(-1) ?? 'searched';
    if (around !== 'searched') this.treatment = around;
    else this.treatment = SHOWN.has(name) ? 'shown' : isSecretName(name) ? 'hidden' : 'searched';
  }

  bracket(token: string): void {
    if (token === '[') this.#around.push(this.treatment);
    else if (token === '{') this.#around.push(this.treatment === 'shown' ? 'searched' : this.treatment);
    else this.#around.pop();
    // The elements of an array go by the name of the array.
    this.treatment = this.#around.at(-1) ?? 'searched';
  }
}

/** A string, a bracket, or a number. */
const TOKEN = /["{}[\]]|-?\d[\d.eE+-]*/g;
/** A number this long under a secret's name is one; `"token":5` counts tokens. */
const SECRET_NUMBER = /^\d{6,}$/;

/** Goes from string to string, so that what stands between, and how it is written, is left as it is. */
export function redactJson(text: string, redactString: (value: string) => string): string {
  const place = new Place();
  const tokens = new RegExp(TOKEN);
  let clean = '';
  let done = 0;
  for (let match = tokens.exec(text); match !== null; match = tokens.exec(text)) {
    const [token] = match;
    if (/[{}[\]]/.test(token)) {
      place.bracket(token);
      continue;
    }
    if (token !== '"') {
      if (place.treatment !== 'hidden' || !SECRET_NUMBER.test(token)) continue;
      clean += `${text.slice(done, match.index)}"${HIDDEN}"`;
      done = tokens.lastIndex;
      continue;
    }
    const end = closingQuote(text, match.index) + 1;
    tokens.lastIndex = end;
    const value = unquoted(text.slice(match.index, end));
    if (isKey(text, end)) {
      place.enter(value);
      continue;
    }
    const shown = treated(value, place.treatment, redactString);
    if (shown === value) continue;
    clean += text.slice(done, match.index) + JSON.stringify(shown);
    done = end;
  }
  return clean + text.slice(done);
}

function unquoted(json: string): string {
  return json.includes('\\') ? (JSON.parse(json) as string) : json.slice(1, -1);
}

function treated(value: string, treatment: Treatment, redactString: (value: string) => string): string {
  if (treatment === 'shown' || value === '') return value;
  return treatment === 'hidden' ? HIDDEN : redactString(value);
}

/** Where the JSON string that opens at `at` closes. */
function closingQuote(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i += 1) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === '"') return i;
  }
  return text.length;
}

const COLON = /\s*:/y;
function isKey(text: string, at: number): boolean {
  COLON.lastIndex = at;
  return COLON.test(text);
}
