import { clone, create } from "@bufbuild/protobuf";
import { type Part, PartSchema } from "../gen/palaver/chat/v1/message_pb.js";
import { partToProto } from "../protocol/index.js";

/** The text of a fragment that continues the one before it in its block. Undefined for what stands alone: a complete call, a source … */
export function fragmentText({ kind }: Part): string | undefined {
  switch (kind.case) {
    case "text":
    case "reasoning":
      return kind.value.text;
    case "toolCall":
      return kind.value.argsJson === undefined ? kind.value.argsDelta : undefined;
    case "toolResult":
      return kind.value.resultJson === undefined ? kind.value.resultDelta : undefined;
    default:
      return undefined;
  }
}

/** The same fragment with another text. Only the first of its block says when the model began to reason. */
export function withFragmentText(part: Part, text: string, first: boolean): Part {
  // As a clone would be, in a fraction of the time: most are of this kind.
  if (part.kind.case === "text" && part.$unknown === undefined && part.kind.value.$unknown === undefined)
    return partToProto({ type: "text", text });
  const copy = clone(PartSchema, part);
  const { kind } = copy;
  switch (kind.case) {
    case "text":
      kind.value.text = text;
      break;
    case "reasoning":
      kind.value.text = text;
      if (!first) delete kind.value.startedAt;
      break;
    case "toolCall":
      kind.value.argsDelta = text;
      break;
    case "toolResult":
      kind.value.resultDelta = text;
      break;
    default:
  }
  return copy;
}

/**
 * A fragment as the smaller ones that it was joined of, given how long each of them is, in UTF-16 units; what stands alone as it is. A part
 * that this version does not know counts as many as well: whole, and empty ones after it.
 */
export function splitPart(part: Part, lengths: readonly number[]): Part[] {
  if (lengths.length <= 1) return [part];
  const text = fragmentText(part);
  if (text === undefined) return lengths.map((_, index) => (index === 0 ? part : create(PartSchema)));
  let end = 0;
  return lengths.map((length, index) => {
    end += length;
    return withFragmentText(part, text.slice(end - length, end), index === 0);
  });
}
