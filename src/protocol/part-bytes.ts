/**
 * What deltas consist of, in the binary encoding: byte for byte what the schema makes of it, but written and read without asking the schema, in a
 * fraction of the time. What is not known here, or not said to be, goes the ordinary way.
 */
import { type Message, toBinary } from "@bufbuild/protobuf";
import type { BinaryReader } from "@bufbuild/protobuf/wire";
import { type Part, PartSchema } from "../gen/palaver/chat/v1/message_pb.js";
import type { BackwardWriter } from "./backward-writer.js";
import { partToProto } from "./to-proto.js";

/** What a field of that number begins with, when it is written with its length, or as a number. */
export const fieldOf = {
  length: (field: number): number => (field << 3) | 2,
  number: (field: number): number => field << 3,
};

/** The same numbers in `Part` and in `TextPart`. */
const tag = { text: fieldOf.length(1) };

/** As a field with that tag. */
export function writePart(writer: BackwardWriter, field: number, part: Part): void {
  const { kind } = part;
  if (kind.case !== "text" || !isKnown(part) || !isKnown(kind.value))
    return writer.bytes(field, toBinary(PartSchema, part));
  const end = writer.length;
  writer.string(tag.text, kind.value.text);
  writer.prefix(tag.text, end);
  writer.prefix(field, end);
}

/** A part as {@link writePart} writes it, if it is a text that is all known; otherwise undefined, somewhere in the middle. */
export function readTextPart(reader: BinaryReader): Part | undefined {
  const end = reader.uint32() + reader.pos;
  const isText = reader.pos < end && reader.uint32() === tag.text && reader.uint32() + reader.pos === end;
  if (!isText) return undefined;
  let text = "";
  if (reader.pos < end) {
    if (reader.uint32() !== tag.text) return undefined;
    text = reader.string(true);
  }
  return reader.pos === end ? partToProto({ type: "text", text }) : undefined;
}

/** Whether the schema that we have says all of it: what a newer replica has added, and we only pass on, is written the ordinary way. */
export function isKnown({ $unknown }: Message): boolean {
  return $unknown === undefined;
}
