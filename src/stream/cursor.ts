import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import { type StreamCursor, StreamCursorSchema } from "../gen/palaver/relay/v1/cursor_pb.js";
import { decodeCursorText, encodeCursorText } from "../protocol/index.js";
import type { StreamPosition } from "./stream-state.js";
import type { Told } from "./told.js";

/**
 * A position in a chat's stream as the text that clients hand back (STREAM-4): at most 256 bytes, bound to the chat, readable by every
 * replica. It grants nothing: whoever makes one up can only confuse himself.
 */
export function encodeCursor(chatId: string, { afterMessageId, told, seen }: StreamPosition): string {
  if (told === undefined) return "";
  const cursor = create(StreamCursorSchema, {
    chatId: chatIdBytes(chatId),
    afterMessageId: BigInt(afterMessageId),
    snapshotVersion: BigInt(told.snapshotVersion),
    historyVersion: BigInt(told.historyVersion),
    generationAttempt: told.generationAttempt,
    queueVersion: BigInt(told.queueVersion),
    retryVersion: BigInt(told.retryVersion),
    metadataVersion: BigInt(told.metadataVersion),
    status: told.status,
    retrying: told.retrying,
    messageVersion: BigInt(told.messageVersion),
    partlyVersion: BigInt(told.partly?.version ?? 0),
    partlyThroughId: BigInt(told.partly?.throughId ?? 0),
    opening: told.opening,
    seenHistoryVersion: BigInt(seen?.episode.historyVersion ?? 0),
    seenGenerationAttempt: seen?.episode.generationAttempt ?? 0,
    seenSeq: BigInt(seen?.lastSeq ?? 0),
  });
  return encodeCursorText(cursorKind, toBinary(StreamCursorSchema, cursor));
}

/** Undefined when the text is no cursor, or another chat's. */
export function decodeCursor(chatId: string, text: string): StreamPosition | undefined {
  const payload = decodeCursorText(cursorKind, text);
  if (payload === undefined) return undefined;
  let cursor: StreamCursor;
  try {
    cursor = fromBinary(StreamCursorSchema, payload);
  } catch {
    return undefined;
  }
  if (Buffer.compare(cursor.chatId, chatIdBytes(chatId)) !== 0 || !isPossible(cursor)) return undefined;
  const told: Told = {
    snapshotVersion: Number(cursor.snapshotVersion),
    historyVersion: Number(cursor.historyVersion),
    generationAttempt: cursor.generationAttempt,
    queueVersion: Number(cursor.queueVersion),
    retryVersion: Number(cursor.retryVersion),
    metadataVersion: Number(cursor.metadataVersion),
    status: cursor.status,
    retrying: cursor.retrying,
    messageVersion: Number(cursor.messageVersion),
    partly:
      cursor.partlyVersion === 0n
        ? undefined
        : { version: Number(cursor.partlyVersion), throughId: Number(cursor.partlyThroughId) },
    opening: cursor.opening,
  };
  const episode = {
    historyVersion: Number(cursor.seenHistoryVersion),
    generationAttempt: cursor.seenGenerationAttempt,
  };
  return {
    afterMessageId: Number(cursor.afterMessageId),
    told,
    seen: cursor.seenSeq === 0n ? undefined : { episode, lastSeq: Number(cursor.seenSeq) },
  };
}

/**
 * The cursor after an event. Subscribers that get the same delta with the same knowledge, as nearly all do, get the very same text, which
 * is made once.
 */
export function cursorAfter(chatId: string, event: StreamEvent, position: StreamPosition): string {
  // Only deltas are shared, and those belong to one chat.
  if (event.event.case !== "messagePart") return encodeCursor(chatId, position);
  const known = made.get(event);
  if (known !== undefined && isSame(known.position, position)) return known.text;
  const text = encodeCursor(chatId, position);
  made.set(event, { position, text });
  return text;
}

/** The first byte of the text tells the kinds of cursors apart. */
const cursorKind = 1;

const made = new WeakMap<StreamEvent, { readonly position: StreamPosition; readonly text: string }>();

/** Positions after the same delta, which differ in what else is known. Compared for every delta and subscriber. */
function isSame(a: StreamPosition, b: StreamPosition): boolean {
  if (a.afterMessageId !== b.afterMessageId || a.seen?.lastSeq !== b.seen?.lastSeq) return false;
  const [x, y] = [a.told, b.told];
  if (x === y) return true;
  return (
    x !== undefined &&
    y !== undefined &&
    x.snapshotVersion === y.snapshotVersion &&
    x.historyVersion === y.historyVersion &&
    x.generationAttempt === y.generationAttempt &&
    x.queueVersion === y.queueVersion &&
    x.retryVersion === y.retryVersion &&
    x.metadataVersion === y.metadataVersion &&
    x.status === y.status &&
    x.retrying === y.retrying &&
    x.messageVersion === y.messageVersion &&
    x.partly?.version === y.partly?.version &&
    x.partly?.throughId === y.partly?.throughId &&
    x.opening === y.opening
  );
}

function chatIdBytes(chatId: string): Buffer {
  return Buffer.from(chatId.replaceAll("-", ""), "hex");
}

/** Numbers that our own columns can hold. */
function isPossible(cursor: StreamCursor): boolean {
  const numbers = [
    cursor.afterMessageId,
    cursor.snapshotVersion,
    cursor.historyVersion,
    cursor.queueVersion,
    cursor.retryVersion,
    cursor.metadataVersion,
    cursor.messageVersion,
    cursor.partlyVersion,
    cursor.partlyThroughId,
    cursor.seenHistoryVersion,
    cursor.seenSeq,
    BigInt(cursor.generationAttempt),
    BigInt(cursor.seenGenerationAttempt),
  ];
  return numbers.every((number) => number >= 0n && number <= BigInt(Number.MAX_SAFE_INTEGER));
}
