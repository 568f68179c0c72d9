/** Whether what goes by a name is a secret. Pure. */

/** Longer ones are looked at from their end. */
export const LONGEST_NAME = 64;
/** A cheap look before names are looked for, and taken apart. */
export const MAY_NAME = /pass|pwd|secret|token|key|credential|authorization|cookie|jwt/i;
const SECRET_WORD =
  /^(?:\w*(?:password|passwd|passphrase|passcode|secret)s?|\w*pwd(?:hash)?|(?:db|user|pg|smtp|root|admin|my)?pass|\w*token|\w*credentials?|\w*authorization|\w*cookie|jwt)$/;
/** A key is a secret where the word before it says so: there are primary keys, cache keys, and keys of maps. */
const KEY_OF =
  /^\w*(?:api|secret|private|access|auth|encryption|encrypt|signing|sign|master|account|shared|session|service|client|license|ssh|hmac|aes|rsa|deploy|admin|webhook)$/;
/** What is told *of* a secret: `token_type`, `passwordResetUrl`, `AWS_ACCESS_KEY_ID`. */
const INNOCENT_END =
  /^(?:ids?|names?|types?|kind|counts?|limits?|size|length|len|index|expiry|expires|expired|expiration|exp|ttl|age|at|in|on|url|uri|endpoint|path|file|dir|policy|valid|invalid|required|missing|version|field|header|min|max|attempts|status|state|errors?|reason|provider|manager|arn|ref|created|changed|updated|scope|algorithm|bucket|usage|used)$/;

/**
 * Whether what goes by this name is a secret. It goes by whole words, in any of the ways to join them: `secretKey`,
 * `AWS_SECRET_ACCESS_KEY`, `x-api-key`, `PGPASSWORD`; not `monkey`, `keyboard`, `tokens` (they are counted) or `key`.
 */
export function isSecretName(name: string): boolean {
  if (!MAY_NAME.test(name)) return false;
  const parts = name.slice(-LONGEST_NAME).match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? [];
  const words = parts.map((word) => word.toLowerCase());
  if (INNOCENT_END.test(words.at(-1) ?? '')) return false;
  return words.some((word, i) => {
    if (SECRET_WORD.test(word)) return true;
    const key = /^(.*)keys?$/.exec(word);
    return key !== null && KEY_OF.test(key[1] === '' ? (words[i - 1] ?? '') : key[1]!);
  });
}
