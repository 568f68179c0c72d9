/**
 * Takes secrets out of text that leaves the process, in a log or in what a FAIL tells Faktory; pure. It knows their
 * usual shapes, and the values that the process was given.
 */

const HIDDEN = '***';

/** `scheme://user:password@host`: all of the userinfo, since a Faktory URL has its password alone there. */
const USERINFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"'\\]*@/gi;
/** `Authorization: Bearer …`, `bearer …`, `Basic …`. */
const CREDENTIALS = /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi;
/**
 * `password=…`, `"token": "…"`, `API_TOKEN: …`, also with escaped quotes. A number or a word of JSON is left as it is:
 * the line must stay JSON.
 */
const NAMED =
  /((?:pass(?:word|wd|phrase)?|pwd(?:hash)?|secret|token|api[_-]?key|credentials?|authorization)\\?["']?\s*[:=]\s*\\?["']?)(?!(?:bearer|basic)\b|(?:-?\d[\d.]*|true|false|null)[,}\]])[^\s"'\\,;&(){}[\]]+/gi;

/** Shorter ones would take letters out of ordinary words. */
const SHORTEST_SECRET = 6;
const known = new Set<string>();

/** From now on this very text is hidden wherever it stands: a password or token of the process's own. */
export function hideSecret(secret: string | undefined): void {
  if (secret === undefined || secret.length < SHORTEST_SECRET) return;
  known.add(secret);
  // As it stands in a line of JSON.
  known.add(JSON.stringify(secret).slice(1, -1));
}

/** The text without secrets. */
export function redact(text: string): string {
  let clean = text
    .replace(USERINFO, `$1${HIDDEN}@`)
    .replace(CREDENTIALS, `$1 ${HIDDEN}`)
    .replace(NAMED, `$1${HIDDEN}`);
  for (const secret of known) if (clean.includes(secret)) clean = clean.replaceAll(secret, HIDDEN);
  return clean;
}
