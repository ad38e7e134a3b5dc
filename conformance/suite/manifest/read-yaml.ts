import { LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { readText } from "../read-text.js";
import { UsageError } from "../usage-error.js";

/**
 * Reads a YAML file that has to match a schema.
 *
 * @throws {UsageError} that names each wrong place, with its line, and says what to write there instead
 */
export async function readYaml<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T>> {
  const text = await readText(path, "name another file, or write this one");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0)
    throw new UsageError(document.errors.map(({ message }) => `${path}: ${message}`).join("\n"));
  const parsed = schema.safeParse(document.toJS());
  if (parsed.success) return parsed.data;

  const places = parsed.error.issues.flatMap((issue) => {
    if (issue.code === "invalid_type" && issue.path.length > 0 && !document.hasIn(issue.path))
      return [{ at: issue.path, message: `is missing: ${adviceIn(issue.message)}` }];
    if (issue.code !== "unrecognized_keys") return [{ at: issue.path, message: issue.message }];
    return issue.keys.map((key) => ({ at: [...issue.path, key], message: "is no key here: remove it" }));
  });
  const lineOf = (at: readonly PropertyKey[]): string => {
    // A missing key has no line of its own: its parent's.
    for (let length = at.length; length > 0; length--) {
      const node = document.getIn(at.slice(0, length), true) as { range?: [number] } | undefined;
      if (node?.range !== undefined) return `:${lines.linePos(node.range[0]).line}`;
    }
    return "";
  };
  throw new UsageError(
    places.map(({ at, message }) => `${path}${lineOf(at)}: ${pathText(at)}: ${message}`).join("\n"),
  );
}

/** What the schema says to write; for a group of keys, which has no words of its own, that it has to be there. */
function adviceIn(message: string): string {
  return message.startsWith("write ") ? message : "write it";
}

function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "the file";
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");
}
