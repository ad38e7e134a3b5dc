const maxBytes = 255;

/** Longer than any extension that means something: then it is part of the name. */
const maxExtensionBytes = 32;

/** Controls, what formats or hides text (bidirectional marks, joiners, tags), separators of lines, half a surrogate pair. */
const unwanted =
  /[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u{fff9}-\u{fffb}]/gu;

/**
 * The name of a file as it is stored and shown: one line, without folders and without characters that nobody sees, at most 255 bytes
 * of UTF-8, its extension kept. Empty when nothing of it is left. A clean name stays as it is.
 */
export function cleanFileName(given: string): string {
  const segments = given
    .replace(unwanted, "")
    .normalize("NFC")
    .split(/[/\\]/u)
    .map((segment) => segment.trim());
  const name = segments.findLast((segment) => segment !== "") ?? "";
  if (/^\.+$/u.test(name)) return "";
  if (Buffer.byteLength(name) <= maxBytes) return name;
  const extension = /\.[^.]+$/u.exec(name)?.[0] ?? "";
  if (extension === name || Buffer.byteLength(extension) > maxExtensionBytes)
    return cut(name, maxBytes).trimEnd();
  const stem = name.slice(0, -extension.length);
  return cut(stem, maxBytes - Buffer.byteLength(extension)).trimEnd() + extension;
}

/** At most that many bytes, never half a code point. */
function cut(text: string, bytes: number): string {
  const start = Buffer.from(text).subarray(0, bytes);
  // `stream: true` holds back a code point that the limit cuts in two.
  return new TextDecoder().decode(start, { stream: true });
}
