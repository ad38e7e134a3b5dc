import { toBinary } from "@bufbuild/protobuf";
import {
  type Episode,
  EpisodeSchema,
  type MessagePartEvent,
  type StreamEvent,
  StreamEventSchema,
} from "../gen/palaver/chat/v1/event_pb.js";
import { BackwardWriter, fieldOf, isKnown, writePart } from "../protocol/index.js";
import type { StreamBatch } from "../stream/index.js";

const writer = new BackwardWriter();

/**
 * A `SubscribeResponse` in the binary encoding, after so many bytes that are left free. Byte for byte what `toBinary` gives; but deltas, which nearly
 * all responses are made of, are written without asking the schema what they consist of.
 */
export function responseBytes({ events, cursor }: StreamBatch, freeBytes: number): Buffer {
  // Half a response may be left in it.
  writer.reset();
  writer.string(tag.response.cursor, cursor);
  for (let index = events.length - 1; index >= 0; index -= 1) writeEvent(events[index] as StreamEvent);
  return writer.finish(freeBytes);
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
  if (event.case !== "messagePart" || !isKnown(message) || !isKnown(event.value))
    return writer.bytes(tag.response.events, toBinary(StreamEventSchema, message));
  const end = writer.length;
  writeMessagePart(event.value);
  writer.prefix(tag.event.messagePart, end);
  writer.prefix(tag.response.events, end);
}

function writeMessagePart({ episode, firstSeq, seq, role, part, block }: MessagePartEvent): void {
  writer.int32(tag.messagePart.block, block);
  if (part !== undefined) writePart(writer, tag.messagePart.part, part);
  writer.int32(tag.messagePart.role, role);
  writer.int64(tag.messagePart.seq, seq);
  writer.int64(tag.messagePart.firstSeq, firstSeq);
  if (episode !== undefined) writeEpisode(episode);
}

function writeEpisode(episode: Episode): void {
  if (!isKnown(episode)) return writer.bytes(tag.messagePart.episode, toBinary(EpisodeSchema, episode));
  const { historyVersion, generationAttempt } = episode;
  const end = writer.length;
  writer.int32(tag.episode.generationAttempt, generationAttempt);
  writer.int64(tag.episode.historyVersion, historyVersion);
  writer.prefix(tag.messagePart.episode, end);
}
