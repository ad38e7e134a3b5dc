import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { SubscribeResponseSchema } from "../gen/palaver/chat/v1/chat_service_pb.js";
import { type Part, PartSchema, type Role, type ToolCallPart } from "../gen/palaver/chat/v1/message_pb.js";

/** A fragment of an unfinished step, as clients see it. Spans several deltas where they were joined. */
export interface CheckpointDelta {
  readonly firstSeq: number;
  /** Of the last delta that it spans. */
  readonly seq: number;
  readonly role: Role;
  readonly block: number;
  readonly part: Part;
}

/** Consecutive deltas of one episode, in order. */
export interface CheckpointChunk {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly deltas: readonly CheckpointDelta[];
}

/**
 * The deltas of a chunk as protobuf: the events that clients get, so that they survive exactly and what is stored can grow like the schema.
 * The episode is not in it: it is known from where the bytes are.
 */
export function encodeCheckpoint(deltas: readonly CheckpointDelta[]): Uint8Array {
  const events = deltas.map(({ firstSeq, seq, role, block, part }) => ({
    event: {
      case: "messagePart" as const,
      value: { firstSeq: BigInt(firstSeq), seq: BigInt(seq), role, block, part },
    },
  }));
  return toBinary(SubscribeResponseSchema, create(SubscribeResponseSchema, { events }));
}

/**
 * The deltas of an episode's chunks, which are in the order of their first seqs: from seq 1 on without gap or repeat, joined as far as
 * possible. Ends before the first gap; a chunk that cannot be read is one. Never throws.
 */
export function decodeCheckpoint(chunks: readonly Uint8Array[]): CheckpointDelta[] {
  const deltas: CheckpointDelta[] = [];
  let next = 1;
  for (const delta of chunks.flatMap(decodeChunk)) {
    if (delta.seq < next) continue;
    if (delta.firstSeq !== next) break;
    deltas.push(delta);
    next = delta.seq + 1;
  }
  return joinDeltas(deltas);
}

function decodeChunk(bytes: Uint8Array): CheckpointDelta[] {
  try {
    return fromBinary(SubscribeResponseSchema, bytes).events.flatMap(({ event }) => {
      if (event.case !== "messagePart" || event.value.part === undefined) return [];
      const { firstSeq, seq, role, block, part } = event.value;
      return [{ firstSeq: Number(firstSeq), seq: Number(seq), role, block, part }];
    });
  } catch {
    return [];
  }
}

/** The text of one event, in UTF-16 units, so that responses stay below the size that stock clients accept. */
const maxJoinedLength = 256 * 1024;

/** Joins adjacent deltas of a block (STREAM-6), up to that length. What is given is not changed. */
function joinDeltas(deltas: readonly CheckpointDelta[]): CheckpointDelta[] {
  const joined: CheckpointDelta[] = [];
  for (const delta of deltas) {
    const last = joined.at(-1);
    const part =
      last?.block === delta.block && last.role === delta.role ? joinParts(last.part, delta.part) : undefined;
    if (last === undefined || part === undefined) joined.push(delta);
    else joined[joined.length - 1] = { ...last, seq: delta.seq, part };
  }
  return joined;
}

function joinParts({ kind: first }: Part, { kind: second }: Part): Part | undefined {
  if (first.case === "text" && second.case === "text") {
    const text = first.value.text + second.value.text;
    if (text.length > maxJoinedLength) return undefined;
    return create(PartSchema, { kind: { case: "text", value: { text } } });
  }
  if (first.case === "reasoning" && second.case === "reasoning") {
    const text = first.value.text + second.value.text;
    if (text.length > maxJoinedLength) return undefined;
    const startedAt = first.value.startedAt ?? second.value.startedAt;
    const completedAt = second.value.completedAt ?? first.value.completedAt;
    const times = { ...(startedAt && { startedAt }), ...(completedAt && { completedAt }) };
    return create(PartSchema, { kind: { case: "reasoning", value: { text, ...times } } });
  }
  if (
    first.case === "toolCall" &&
    second.case === "toolCall" &&
    [first.value, second.value].every(isFragment)
  ) {
    const argsDelta = first.value.argsDelta + second.value.argsDelta;
    if (argsDelta.length > maxJoinedLength) return undefined;
    return create(PartSchema, { kind: { case: "toolCall", value: { ...first.value, argsDelta } } });
  }
  return undefined;
}

/** Of the arguments. The call that completes them stays a delta of its own. */
function isFragment({ argsDelta, argsJson }: ToolCallPart): boolean {
  return argsDelta !== "" && argsJson === undefined;
}
