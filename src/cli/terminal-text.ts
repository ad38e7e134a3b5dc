/**
 * Text from elsewhere, safe to write to a terminal: without control characters (escape sequences lose the character that makes them
 * one), and without the marks that reorder text so that it reads as something else. Line feeds and tabs stay.
 */
export function safeText(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "");
}

/** {@link safeText} on one line: every run of white space is one space. */
export function safeLine(text: string): string {
  return safeText(text.replace(/\s+/g, " ")).trim();
}

/** At most `maxWidth` columns of a line; what is cut ends in "…". */
export function cutToWidth(text: string, maxWidth: number): string {
  if (textWidth(text) <= maxWidth) return text;
  let width = 0;
  let end = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += graphemeWidth(segment);
    if (width > maxWidth - 1) break;
    end += segment.length;
  }
  return `${text.slice(0, end)}…`;
}

/** Fills a text with spaces up to a width. */
export function padToWidth(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

/** How many columns a text takes in a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

const graphemes = new Intl.Segmenter();

/** What terminals show two columns wide: emoji, and the scripts of East Asia (Unicode's East Asian Width W and F). */
const wide =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]/u;

function graphemeWidth(grapheme: string): number {
  if (wide.test(grapheme)) return 2;
  return /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]+$/u.test(grapheme) ? 0 : 1;
}
