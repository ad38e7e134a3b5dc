/**
 * What deltas consist of, in the binary encoding: byte for byte what the schema makes of it, but written and read without asking the schema, in a
 * fraction of the time. What is not known here, or not said to be, goes the ordinary way.
 */
import { type Message, toBinary } from "@bufbuild/protobuf";
import type { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { type Part, PartSchema } from "../gen/palaver/chat/v1/message_pb.js";
import { partToProto } from "./to-proto.js";

/** What a field of that number begins with, when it is written with its length, or as a number. */
export const fieldOf = {
  length: (field: number): number => (field << 3) | 2,
  number: (field: number): number => field << 3,
};

/** The same numbers in `Part` and in `TextPart`. */
const tag = { text: fieldOf.length(1) };

/** With its length, after the tag of the field. */
export function writePart(writer: BinaryWriter, part: Part): void {
  const { kind } = part;
  if (kind.case !== "text" || !isKnown(part) || !isKnown(kind.value))
    return void writer.bytes(toBinary(PartSchema, part));
  writer.fork().uint32(tag.text).fork();
  if (kind.value.text !== "") writer.uint32(tag.text).string(kind.value.text);
  writer.join().join();
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

export function writeInt64(writer: BinaryWriter, fieldTag: number, value: bigint): void {
  if (value !== 0n) writer.uint32(fieldTag).int64(value);
}

/** Whether the schema that we have says all of it: what a newer replica has added, and we only pass on, is written the ordinary way. */
export function isKnown({ $unknown }: Message): boolean {
  return $unknown === undefined;
}
