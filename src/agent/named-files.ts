import type { StoredPart } from "../protocol/index.js";

/** The ids of the files that a history names, each once: those of the newest message first, within a message in its order. */
export function namedFiles(history: readonly { readonly parts: readonly StoredPart[] }[]): string[] {
  const ids = history
    .toReversed()
    .flatMap(({ parts }) =>
      parts.flatMap((part) => (part.type === "file" && part.file_id !== undefined ? [part.file_id] : [])),
    );
  return [...new Set(ids)];
}
