import type { FilePart, FileReferencePart } from "../protocol/index.js";

const maxInlineBytes = 128 * 1024;

/** Files that are text: inlined, since few providers take them as files. */
export function isTextMedia(mediaType: string): boolean {
  return /^text\/|^application\/(?:json|xml|yaml|x-yaml|toml|javascript|x-sh|sql)\b|\+(?:json|xml)\b/i.test(
    mediaType,
  );
}

/** A text file with its name, at most 128 KiB of it; for a file whose data is not at hand, a line that says so. */
export function fileAsText({ data, media_type: mediaType, name }: FilePart): string {
  const title = name === undefined ? `File (${mediaType})` : `File "${name}" (${mediaType})`;
  if (data === undefined) return `[${title}: its content is no longer available]`;
  const bytes = Buffer.from(data, "base64");
  if (bytes.length <= maxInlineBytes) return `${title}:\n${bytes.toString("utf8")}`;
  // `stream: true` holds back a code point that the limit cuts in two.
  const start = new TextDecoder().decode(bytes.subarray(0, maxInlineBytes), { stream: true });
  return `${title}, the first 128 KiB of ${String(bytes.length)} bytes:\n${start}`;
}

/** A quotation of a file's lines, with its name and where it stands. */
export function fileReferenceAsText(part: FileReferencePart): string {
  const lines =
    part.start_line === part.end_line
      ? `line ${String(part.start_line)}`
      : `lines ${String(part.start_line)}-${String(part.end_line)}`;
  const content = part.content.trim() === "" ? "" : `:\n${part.content.toWellFormed()}`;
  return `File "${part.file_name}", ${lines}${content}`;
}
