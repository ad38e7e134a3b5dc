import type { MessagePartEvent, StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";

/** One attempt at one step: what deltas belong to. */
export interface EpisodeId {
  readonly historyVersion: bigint;
  readonly generationAttempt: number;
}

/** How far a reader is in the deltas of the running step. */
export interface Position {
  readonly episode: EpisodeId;
  /** The number of the delta that comes next; undefined when the step is in the history, so that none may follow. */
  readonly nextSeq: bigint | undefined;
}

/** What a server sent does not follow what it sent before: something is missing, or came twice. Only a subscription without a cursor heals it. */
export class OutOfSyncError extends Error {
  override readonly name = "OutOfSyncError";
}

/** Less than zero if `a` is the older one. */
export function compareEpisodes(a: EpisodeId, b: EpisodeId): number {
  return a.historyVersion === b.historyVersion
    ? a.generationAttempt - b.generationAttempt
    : a.historyVersion < b.historyVersion
      ? -1
      : 1;
}

export function episodeOf({ episode }: MessagePartEvent): EpisodeId {
  return {
    historyVersion: episode?.historyVersion ?? 0n,
    generationAttempt: episode?.generationAttempt ?? 0,
  };
}

/**
 * The position after an event. Deltas of an episode are numbered from 1 without gap or repeat (STREAM-5), and none of an episode that is over
 * follows (STREAM-7, STREAM-9).
 *
 * @throws OutOfSyncError
 */
export function advance(position: Position | undefined, { event }: StreamEvent): Position | undefined {
  switch (event.case) {
    case "messagePart":
      return afterDelta(position, event.value);
    case "message":
      return position !== undefined && (event.value.message?.revision ?? 0n) > position.episode.historyVersion
        ? { ...position, nextSeq: undefined }
        : position;
    case "previewReset":
    case "historyReset":
      return position === undefined ? undefined : { ...position, nextSeq: 1n };
    default:
      return position;
  }
}

function afterDelta(position: Position | undefined, delta: MessagePartEvent): Position {
  const { firstSeq, seq } = delta;
  const episode = episodeOf(delta);
  const order = position === undefined ? 1 : compareEpisodes(episode, position.episode);
  if (order < 0) throw new OutOfSyncError("a delta of an attempt that is over");
  const expected = order > 0 ? 1n : position?.nextSeq;
  if (expected === undefined) throw new OutOfSyncError("a delta of a step that is in the history");
  if (firstSeq !== expected || seq < firstSeq)
    throw new OutOfSyncError(`deltas ${firstSeq} to ${seq} where ${expected} is next`);
  return { episode, nextSeq: seq + 1n };
}
