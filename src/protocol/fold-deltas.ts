import { type Part, Role } from "../gen/palaver/chat/v1/message_pb.js";
import type { CheckpointDelta } from "./checkpoint.js";
import { placeResults } from "./place-results.js";
import type { StoredPart } from "./stored-part.js";
import { storedPartFromProto } from "./stored-part-from-proto.js";

/**
 * The parts that deltas of an episode, from seq 1 on, add up to: what is left of a step whose worker died. The same as the worker would
 * have committed, but for what clients never see (what providers want back, PART-4) and for when an unfinished block began or ended.
 */
export function foldDeltas(deltas: readonly CheckpointDelta[]): {
  readonly role: "assistant" | "tool";
  readonly parts: StoredPart[];
} {
  const blocks = new Map<number, StoredPart>();
  for (const { block, part } of deltas) {
    const next = addFragment(blocks.get(block), part);
    if (next !== undefined) blocks.set(block, next);
  }
  // Blocks are numbered as they began; a later one may have been heard of first.
  const parts = [...blocks].sort(([a], [b]) => a - b).map(([, part]) => part);
  return deltas[0]?.role === Role.TOOL
    ? { role: "tool", parts }
    : { role: "assistant", parts: placeResults(parts) };
}

/** A block with one more fragment; undefined when that adds nothing that we know. */
function addFragment(block: StoredPart | undefined, part: Part): StoredPart | undefined {
  const next = storedPartFromProto(part);
  switch (next?.type) {
    case "text":
      return block?.type === "text" ? { ...block, text: block.text + next.text } : next;
    case "reasoning":
      return block?.type === "reasoning" ? { ...block, ...next, text: block.text + next.text } : next;
    case "tool-result":
      // A result that is only half there is none.
      return part.kind.case === "toolResult" && part.kind.value.resultJson === undefined ? undefined : next;
    default:
      return next;
  }
}
