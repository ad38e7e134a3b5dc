/** How much text of a result goes to the model and into the history. */
const maxResultBytes = 32 * 1024;

export interface ToolOutput {
  /** Valid JSON text. */
  readonly resultJson: string;
  readonly isError: boolean;
}

/**
 * Writes what a tool returned, or the Error that it threw, as JSON text. Never throws: a value that JSON has
 * no words for (a cycle, a big integer) becomes an error; undefined is empty text.
 *
 * Text that is valid JSON stays as it is, other text becomes `{"output": …}`, an Error `{"error": message}`. Of more than 32 KiB
 * the beginning is kept, as `{"output": "…", "truncated": true, "original_bytes": n}`, cut between two code points.
 */
export function encodeToolOutput(value: unknown): ToolOutput {
  if (value instanceof Error) return encodeText("error", value.message);
  if (value === undefined) return encodeText("output", "");
  if (typeof value === "string")
    return isJson(value) ? encodeJson(value.toWellFormed()) : encodeText("output", value);
  try {
    return encodeJson(JSON.stringify(value));
  } catch {
    return encodeText("error", "The tool's result cannot be written as JSON.");
  }
}

function encodeJson(json: string): ToolOutput {
  return Buffer.byteLength(json) <= maxResultBytes
    ? { resultJson: json, isError: false }
    : encodeText("output", json);
}

function encodeText(key: "output" | "error", text: string): ToolOutput {
  const bytes = Buffer.byteLength(text);
  const kept = cutText(text.toWellFormed(), maxResultBytes);
  const result =
    bytes <= maxResultBytes ? { [key]: kept } : { [key]: kept, truncated: true, original_bytes: bytes };
  return { resultJson: JSON.stringify(result), isError: key === "error" };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The longest beginning that has at most `maxBytes` in UTF-8 and ends between two code points. */
export function cutText(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  // 10xxxxxx continues a code point.
  while (end > 0 && ((bytes[end] ?? 0) & 0b1100_0000) === 0b1000_0000) end -= 1;
  return bytes.toString("utf8", 0, end);
}
