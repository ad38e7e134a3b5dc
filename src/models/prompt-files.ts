import type { LanguageModelV3FilePart, LanguageModelV3TextPart } from "@ai-sdk/provider";
import type { FilePart, FileReferencePart } from "../protocol/index.js";
import type { ModelRequest } from "./model.js";

const maxInlineBytes = 128 * 1024;

/** Files that are text: inlined, since few providers take them as files. */
function isTextMedia(mediaType: string): boolean {
  return /^text\/|^application\/(?:json|xml|yaml|x-yaml|toml|javascript|x-sh|sql)\b|\+(?:json|xml)\b/i.test(
    mediaType,
  );
}

/**
 * A file as the model sees it: text inlined with its name, at most 128 KiB of it; as bytes what the provider takes (`mediaTypes`); and a line of
 * text for what it does not take, or what is not there any more.
 */
export function fileContent(
  part: FilePart,
  files: ModelRequest["files"],
  mediaTypes: ReadonlySet<string>,
): LanguageModelV3FilePart | LanguageModelV3TextPart {
  const stored = part.file_id === undefined ? undefined : files.get(part.file_id);
  const bytes = stored?.data ?? (part.data === undefined ? undefined : Buffer.from(part.data, "base64"));
  const mediaType = normalMediaType(stored?.mediaType ?? part.media_type);
  const name = [stored?.name, part.name].find((candidate) => candidate !== undefined && candidate !== "");
  const title = name === undefined ? `File (${mediaType})` : `File "${name}" (${mediaType})`;
  if (bytes === undefined) return textPart(`[${title}: its content is no longer available]`);
  if (bytes.length === 0) return textPart(`[${title}: it is empty]`);
  if (isTextMedia(mediaType)) return textPart(inlined(title, bytes));
  if (!mediaTypes.has(mediaType)) return textPart(`[${title}: this model cannot be shown such files]`);
  const { buffer, byteOffset, byteLength } = bytes;
  return {
    type: "file",
    // Encoded here whatever was stored: the packages would take other strings for addresses, or ids of the provider's files.
    data: Buffer.from(buffer, byteOffset, byteLength).toString("base64"),
    mediaType,
    ...(name !== undefined && { filename: name.toWellFormed() }),
  };
}

function inlined(title: string, bytes: Uint8Array): string {
  if (bytes.length <= maxInlineBytes) return `${title}:\n${new TextDecoder().decode(bytes)}`;
  // `stream: true` holds back a code point that the limit cuts in two.
  const start = new TextDecoder().decode(bytes.subarray(0, maxInlineBytes), { stream: true });
  return `${title}, the first 128 KiB of ${String(bytes.length)} bytes:\n${start}`;
}

/** Without parameters, and with its usual name. */
function normalMediaType(mediaType: string): string {
  const bare = (mediaType.split(";", 1)[0] ?? "").trim().toLowerCase();
  return bare === "image/jpg" ? "image/jpeg" : bare;
}

/** A quotation of a file's lines, with its name and where it stands. */
export function fileReferenceAsText(part: FileReferencePart): string {
  const lines =
    part.start_line === part.end_line
      ? `line ${String(part.start_line)}`
      : `lines ${String(part.start_line)}-${String(part.end_line)}`;
  const content = part.content.trim() === "" ? "" : `:\n${part.content}`;
  return `File "${part.file_name}", ${lines}${content}`.toWellFormed();
}

function textPart(text: string): LanguageModelV3TextPart {
  return { type: "text", text: text.toWellFormed() };
}
