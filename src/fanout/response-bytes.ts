import { toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  type Episode,
  EpisodeSchema,
  type MessagePartEvent,
  type StreamEvent,
  StreamEventSchema,
} from "../gen/palaver/chat/v1/event_pb.js";
import { Role } from "../gen/palaver/chat/v1/message_pb.js";
import { fieldOf, isKnown, writeInt64, writePart } from "../protocol/index.js";
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

const tag = {
  response: { events: fieldOf.length(1), cursor: fieldOf.length(2) },
  event: { messagePart: fieldOf.length(3) },
  messagePart: {
    episode: fieldOf.length(1),
    firstSeq: fieldOf.number(2),
    seq: fieldOf.number(3),
    role: fieldOf.number(4),
    part: fieldOf.length(5),
    block: fieldOf.number(6),
  },
  episode: { historyVersion: fieldOf.number(1), generationAttempt: fieldOf.number(2) },
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
  writeInt64(writer, tag.messagePart.firstSeq, firstSeq);
  writeInt64(writer, tag.messagePart.seq, seq);
  if (role !== Role.UNSPECIFIED) writer.uint32(tag.messagePart.role).int32(role);
  if (part !== undefined) {
    writer.uint32(tag.messagePart.part);
    writePart(writer, part);
  }
  if (block !== 0) writer.uint32(tag.messagePart.block).int32(block);
}

function writeEpisode(episode: Episode): void {
  if (!isKnown(episode)) return void writer.bytes(toBinary(EpisodeSchema, episode));
  const { historyVersion, generationAttempt } = episode;
  writer.fork();
  writeInt64(writer, tag.episode.historyVersion, historyVersion);
  if (generationAttempt !== 0) writer.uint32(tag.episode.generationAttempt).int32(generationAttempt);
  writer.join();
}
