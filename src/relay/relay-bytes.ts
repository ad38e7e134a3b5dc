/**
 * Responses of `StreamDeltas` in the binary encoding. Nearly all of them are one run of text: it is written and read without asking the schema what
 * it consists of.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { Role } from "../gen/palaver/chat/v1/message_pb.js";
import {
  type DeltaRun,
  type RelayEvent,
  type StreamDeltasResponse,
  StreamDeltasResponseSchema,
} from "../gen/palaver/relay/v1/relay_service_pb.js";
import { BackwardWriter, fieldOf, isKnown, readTextPart, writePart } from "../protocol/index.js";

const tag = {
  response: { events: fieldOf.length(1) },
  event: { deltas: fieldOf.length(2) },
  run: {
    firstSeq: fieldOf.number(1),
    role: fieldOf.number(2),
    block: fieldOf.number(3),
    part: fieldOf.length(4),
    lengths: fieldOf.length(5),
  },
};

const roles = new Map<number, Role>(
  [Role.UNSPECIFIED, Role.USER, Role.ASSISTANT, Role.TOOL].map((role) => [role, role]),
);

const writer = new BackwardWriter();

/** After so many bytes that are left free. Whatever it is, it is what the schema makes of it. */
export function writeResponse(events: readonly RelayEvent[], freeBytes = 0): Buffer {
  // Half a response may be left in it.
  writer.reset();
  const [only] = events;
  const run = only?.event.case === "deltas" && isKnown(only) ? only.event.value : undefined;
  if (run === undefined || events.length > 1 || !isKnown(run)) {
    const response = create(StreamDeltasResponseSchema, { events: [...events] });
    return Buffer.concat([Buffer.alloc(freeBytes), toBinary(StreamDeltasResponseSchema, response)]);
  }
  writeRun(run);
  writer.prefix(tag.event.deltas, 0);
  writer.prefix(tag.response.events, 0);
  return writer.finish(freeBytes);
}

export function readResponse(bytes: Uint8Array): StreamDeltasResponse {
  const run = readRun(new BinaryReader(bytes));
  if (run === undefined) return fromBinary(StreamDeltasResponseSchema, bytes);
  const event: RelayEvent = {
    $typeName: "palaver.relay.v1.RelayEvent",
    event: { case: "deltas", value: run },
  };
  return { $typeName: "palaver.relay.v1.StreamDeltasResponse", events: [event] };
}

function writeRun({ firstSeq, role, block, part, lengths }: DeltaRun): void {
  for (let index = lengths.length - 1; index >= 0; index -= 1) writer.varint(lengths[index] ?? 0);
  if (lengths.length > 0) writer.prefix(tag.run.lengths, 0);
  if (part !== undefined) writePart(writer, tag.run.part, part);
  writer.int32(tag.run.block, block);
  writer.int32(tag.run.role, role);
  writer.int64(tag.run.firstSeq, firstSeq);
}

/** Undefined for whatever is not one run of text, all of it known; what is read is what the schema reads. */
function readRun(reader: BinaryReader): DeltaRun | undefined {
  for (const field of [tag.response.events, tag.event.deltas])
    if (reader.pos === reader.len || reader.uint32() !== field || reader.uint32() + reader.pos !== reader.len)
      return undefined;
  const run: DeltaRun = {
    $typeName: "palaver.relay.v1.DeltaRun",
    firstSeq: 0n,
    role: Role.UNSPECIFIED,
    block: 0,
    lengths: [],
  };
  while (reader.pos < reader.len) {
    switch (reader.uint32()) {
      case tag.run.firstSeq:
        run.firstSeq = BigInt(reader.int64());
        break;
      case tag.run.role: {
        const role = roles.get(reader.int32());
        if (role === undefined) return undefined;
        run.role = role;
        break;
      }
      case tag.run.block:
        run.block = reader.int32();
        break;
      case tag.run.part: {
        const part = run.part === undefined ? readTextPart(reader) : undefined;
        if (part === undefined) return undefined;
        run.part = part;
        break;
      }
      case tag.run.lengths: {
        const end = reader.uint32() + reader.pos;
        while (reader.pos < end) run.lengths.push(reader.uint32());
        break;
      }
      default:
        return undefined;
    }
  }
  return run;
}
