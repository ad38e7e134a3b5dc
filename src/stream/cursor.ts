import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import { decodeCursorText, encodeCursorText } from "../protocol/index.js";
import { compareEpisodes } from "./episode.js";
import { packNumbers, unpackNumbers } from "./packed-numbers.js";
import type { StreamPosition } from "./stream-state.js";
import type { Told } from "./told.js";

/**
 * A position in a chat's stream as the text that clients hand back (STREAM-4): at most 256 bytes, in the middle of a step usually 16 or
 * less, since it comes with every delta; bound to the chat, readable by every replica. It grants nothing: whoever makes one up can only
 * confuse himself. Equal positions have equal texts.
 */
export function encodeCursor(chatId: string, { afterMessageId, told, seen }: StreamPosition): string {
  if (told === undefined) return "";
  return encodeCursorText(cursorKind, chatId, packNumbers(numbersOf({ afterMessageId, told, seen })));
}

/** Undefined when the text is no cursor, or another chat's. */
export function decodeCursor(chatId: string, text: string): StreamPosition | undefined {
  const payload = decodeCursorText(cursorKind, chatId, text);
  if (payload === undefined) return undefined;
  let position: StreamPosition;
  try {
    position = positionOf(unpackNumbers(payload));
  } catch {
    // Anyone can make a cursor of anything.
    return undefined;
  }
  // The one text of this position: a cursor that says more, or says it in another way, was not given out by anyone.
  return encodeCursor(chatId, position) === text ? position : undefined;
}

/**
 * The kind of these cursors in this form. During a rolling update a version meets cursors of its neighbours: another form gets another
 * number, and is read by the version before the first that writes it.
 */
const cursorKind = 1;

/** What only some positions have: the first number of a cursor. Those that deltas come with, or whole chats, make the smallest. */
const has = {
  seen: 1,
  /** Another than RUNNING. */
  status: 2,
  afterMessageId: 4,
  /** The deltas seen are not of the attempt that was told. */
  seenEpisode: 8,
  /** Messages were told up to another version than the rest. */
  messageVersion: 16,
  partly: 32,
  opening: 64,
  retrying: 128,
};

type Begun = StreamPosition & { readonly told: Told };

function numbersOf({ afterMessageId, told, seen }: Begun): number[] {
  const { snapshotVersion, status, messageVersion, partly } = told;
  const fold = (version: number): number => foldVersion(version, snapshotVersion);
  const numbers = [
    0,
    snapshotVersion,
    fold(told.historyVersion),
    told.generationAttempt,
    fold(told.queueVersion),
    fold(told.retryVersion),
    fold(told.metadataVersion),
  ];
  let flags = (told.opening ? has.opening : 0) | (told.retrying ? has.retrying : 0);
  if (seen !== undefined) {
    flags |= has.seen;
    numbers.push(seen.lastSeq);
    if (compareEpisodes(seen.episode, told) !== 0) {
      flags |= has.seenEpisode;
      numbers.push(fold(seen.episode.historyVersion), seen.episode.generationAttempt);
    }
  }
  if (status !== ChatStatus.RUNNING) {
    flags |= has.status;
    numbers.push(status);
  }
  if (afterMessageId !== 0) {
    flags |= has.afterMessageId;
    numbers.push(afterMessageId);
  }
  if (messageVersion !== snapshotVersion) {
    flags |= has.messageVersion;
    numbers.push(fold(messageVersion));
  }
  if (partly !== undefined) {
    flags |= has.partly;
    numbers.push(partly.version, partly.throughId);
  }
  numbers[0] = flags;
  return numbers;
}

/** @throws RangeError when these are not the numbers of a position, or some that our own columns cannot hold */
function positionOf(numbers: readonly number[]): Begun {
  const rest = numbers.values();
  const next = ({ min = 0, max = Number.MAX_SAFE_INTEGER } = {}): number => {
    const { value = Number.NaN } = rest.next();
    if (!Number.isSafeInteger(value) || value < min || value > max) throw new RangeError("no position");
    return value;
  };
  // In the order in which they were written.
  const flags = next();
  const isSet = (flag: number): boolean => (flags & flag) !== 0;
  const snapshotVersion = next();
  const nextVersion = (): number => unfoldVersion(next(), snapshotVersion);
  const nextAttempt = (): number => next({ max: maxAttempt });
  const historyVersion = nextVersion();
  const generationAttempt = nextAttempt();
  const queueVersion = nextVersion();
  const retryVersion = nextVersion();
  const metadataVersion = nextVersion();
  const lastSeq = isSet(has.seen) ? next({ min: 1 }) : undefined;
  const episode = isSet(has.seenEpisode)
    ? { historyVersion: nextVersion(), generationAttempt: nextAttempt() }
    : { historyVersion, generationAttempt };
  const status = isSet(has.status) ? next() : ChatStatus.RUNNING;
  if (!isStatus(status)) throw new RangeError("no status");
  return {
    afterMessageId: isSet(has.afterMessageId) ? next() : 0,
    told: {
      snapshotVersion,
      historyVersion,
      generationAttempt,
      queueVersion,
      retryVersion,
      metadataVersion,
      status,
      messageVersion: isSet(has.messageVersion) ? nextVersion() : snapshotVersion,
      partly: isSet(has.partly) ? { version: next({ min: 1 }), throughId: next() } : undefined,
      opening: isSet(has.opening),
      retrying: isSet(has.retrying),
    },
    seen: lastSeq === undefined ? undefined : { episode, lastSeq },
  };
}

const maxAttempt = 2 ** 31 - 1;

function isStatus(number: number): number is ChatStatus {
  return number in ChatStatus;
}

/**
 * Aspects changed lately or long ago: their versions are near the latest or near 0. Counted from both ends in turn (0, the latest, 1, the
 * one before the latest …) both are small numbers. Versions after the latest stay as they are, so that each has one number.
 */
function foldVersion(version: number, latest: number): number {
  if (version > latest) return version;
  return version <= latest - version ? 2 * version : 2 * (latest - version) + 1;
}

function unfoldVersion(folded: number, latest: number): number {
  if (folded > latest) return folded;
  return folded % 2 === 0 ? folded / 2 : latest - (folded - 1) / 2;
}
