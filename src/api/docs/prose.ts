import { escapeText } from '../../report/escape.ts';

/** A text whose `code` is marked as in Markdown, as HTML; paragraphs are for the caller. */
export function prose(text: string): string {
  return escapeText(text).replace(/(`+)(.+?)\1/g, (_, _ticks, code) => `<code>${code}</code>`);
}
