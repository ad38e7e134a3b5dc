import { type Message, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  type Episode,
  EpisodeSchema,
  type MessagePartEvent,
  type StreamEvent,
  StreamEventSchema,
} from "../gen/palaver/chat/v1/event_pb.js";
import { type Part, PartSchema, Role } from "../gen/palaver/chat/v1/message_pb.js";
import type { StreamBatch } from "../stream/index.js";

/** Used again and again, so that its buffer is made once; it stays as large as the largest response was. */
let writer = new BinaryWriter();

/**
 * A `SubscribeResponse` in the binary encoding, after so many bytes that are left free. Byte for byte what `toBinary` gives; but deltas, which nearly
 * all responses are made of, are written without asking the schema what they consist of.
 */
export function responseBytes({ events, cursor }: StreamBatch, freeBytes: number): Uint8Array {
  try {
    writer.raw(new Uint8Array(freeBytes));
    for (const event of events) writeEvent(event);
    if (cursor !== "") writer.uint32(tag.response.cursor).string(cursor);
    return writer.finish();
  } catch (error) {
    // Half a response is left in it.
    writer = new BinaryWriter();
    throw error;
  }
}

/** What a field begins with: its number, and whether it is written with its length or as a number. */
const withLength = (field: number): number => (field << 3) | 2;
const asNumber = (field: number): number => field << 3;

const tag = {
  response: { events: withLength(1), cursor: withLength(2) },
  event: { messagePart: withLength(3) },
  messagePart: {
    episode: withLength(1),
    firstSeq: asNumber(2),
    seq: asNumber(3),
    role: asNumber(4),
    part: withLength(5),
    block: asNumber(6),
  },
  episode: { historyVersion: asNumber(1), generationAttempt: asNumber(2) },
  part: { text: withLength(1) },
  textPart: { text: withLength(1) },
};

function writeEvent(message: StreamEvent): void {
  const { event } = message;
  writer.uint32(tag.response.events);
  if (event.case === "messagePart" && isKnown(message) && isKnown(event.value)) {
    writer.fork().uint32(tag.event.messagePart).fork();
    writeMessagePart(event.value);
    writer.join().join();
  } else {
    writer.bytes(toBinary(StreamEventSchema, message));
  }
}

function writeMessagePart({ episode, firstSeq, seq, role, part, block }: MessagePartEvent): void {
  if (episode !== undefined) {
    writer.uint32(tag.messagePart.episode);
    writeEpisode(episode);
  }
  writeInt64(tag.messagePart.firstSeq, firstSeq);
  writeInt64(tag.messagePart.seq, seq);
  if (role !== Role.UNSPECIFIED) writer.uint32(tag.messagePart.role).int32(role);
  if (part !== undefined) {
    writer.uint32(tag.messagePart.part);
    writePart(part);
  }
  if (block !== 0) writer.uint32(tag.messagePart.block).int32(block);
}

function writeEpisode(episode: Episode): void {
  if (!isKnown(episode)) return void writer.bytes(toBinary(EpisodeSchema, episode));
  const { historyVersion, generationAttempt } = episode;
  writer.fork();
  writeInt64(tag.episode.historyVersion, historyVersion);
  if (generationAttempt !== 0) writer.uint32(tag.episode.generationAttempt).int32(generationAttempt);
  writer.join();
}

function writePart(part: Part): void {
  const { kind } = part;
  if (kind.case !== "text" || !isKnown(part) || !isKnown(kind.value))
    return void writer.bytes(toBinary(PartSchema, part));
  writer.fork().uint32(tag.part.text).fork();
  if (kind.value.text !== "") writer.uint32(tag.textPart.text).string(kind.value.text);
  writer.join().join();
}

function writeInt64(fieldTag: number, value: bigint): void {
  if (value !== 0n) writer.uint32(fieldTag).int64(value);
}

/** Whether the schema that we have says all of it: what a newer replica has added, and we only pass on, is written the ordinary way. */
function isKnown({ $unknown }: Message): boolean {
  return $unknown === undefined;
}
