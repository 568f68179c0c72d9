/**
 * What a peer said, as it may stand in an error or a log: one line, not long, and without what proves or makes a
 * password, which a peer that is no Faktory may well echo. Pure.
 */
export function shown(text: string, most = 80): string {
  return (
    text
      .slice(0, 1_024)
      // Cut anywhere: the closing quote need not be there.
      .replace(/("(?:pwdhash|s|salt|password)"\s*:\s*")[^"]*/gi, '$1…')
      .replace(/\b[0-9a-f]{12,}/gi, '…')
      .replace(/:[^:@/\s"]*@/g, ':…@')
      .replace(/[\x00-\x1f\x7f]+/g, ' ')
      .slice(0, most)
  );
}
