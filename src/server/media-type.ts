/** Kinds that are known by how they begin; the order does not matter, no two begin alike. */
const signatures: readonly { readonly mediaType: string; readonly begin: RegExp }[] = [
  { mediaType: "image/png", begin: /^\x89PNG\r\n\x1a\n.{4}IHDR/su },
  // Not JPEG-LS, which begins with another marker.
  { mediaType: "image/jpeg", begin: /^\xff\xd8\xff[^\xf7]/su },
  { mediaType: "image/gif", begin: /^GIF8[79]a/u },
  { mediaType: "image/webp", begin: /^RIFF.{4}WEBPVP8[ LX]/su },
  { mediaType: "application/pdf", begin: /^%PDF-\d/u },
];

const signatureBytes = 16;

/** Kinds of text by the extension of the name; other text is text/plain. */
const textTypes: Readonly<Record<string, string>> = {
  md: "text/markdown",
  markdown: "text/markdown",
  csv: "text/csv",
  json: "application/json",
};

/** What a file can be, as people read it. */
export const supportedTypes = "PNG, JPEG, GIF and WebP images, PDF, and text in UTF-8";

/** Extensions for files without a name. */
const extensions: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/gif": "gif",
  "image/webp": "webp",
  "application/pdf": "pdf",
};

export function extensionFor(mediaType: string): string {
  return extensions[mediaType] ?? "txt";
}

/**
 * What the bytes are, told from the bytes; undefined when it is nothing that we take. The name only tells kinds of text apart: it
 * cannot make text of something else, nor an image or PDF of text. What is two things at once is what it begins as. Markup, SVG and
 * HTML included, is text/plain: it is never served or shown as anything that runs.
 */
export function detectMediaType(data: Uint8Array, name: string): string | undefined {
  const begin = Buffer.from(data.buffer, data.byteOffset, Math.min(data.byteLength, signatureBytes)).toString(
    "latin1",
  );
  const known = signatures.find((signature) => signature.begin.test(begin));
  if (known !== undefined) return known.mediaType;
  const text = decodeText(data);
  if (text === undefined) return undefined;
  const extension = /\.([^.]+)$/u.exec(name)?.[1]?.toLowerCase() ?? "";
  const mediaType = Object.hasOwn(textTypes, extension) ? textTypes[extension] : undefined;
  return mediaType === undefined || (mediaType === "application/json" && !isJson(text))
    ? "text/plain"
    : mediaType;
}

/** What no text has: control characters but those that file(1) lets pass as well: \a \b \t \n \v \f \r and escape, for colours in logs. */
const binary = /[\u0000-\u0006\u000e-\u001a\u001c-\u001f\u007f]/u;

/** Without a byte order mark; undefined when it is no text in UTF-8. */
function decodeText(data: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(data);
    return binary.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** What is longer is not parsed: a file that is nothing but brackets would hold everything else up for a second or more. */
const maxJsonLength = 1024 * 1024;

function isJson(text: string): boolean {
  if (text.length > maxJsonLength) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
