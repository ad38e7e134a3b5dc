import type { StoredPart } from "./stored-part.js";

/** The parts of an assistant message in the order in which they are stored: each result right after its call (PART-6). */
export function placeResults(parts: readonly StoredPart[]): StoredPart[] {
  const results = parts.filter((part) => part.type === "tool-result");
  return parts
    .filter((part) => part.type !== "tool-result")
    .flatMap((part): StoredPart[] =>
      part.type === "tool-call"
        ? [part, ...results.filter((result) => result.tool_call_id === part.tool_call_id)]
        : [part],
    );
}
