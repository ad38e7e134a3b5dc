import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { ChatView } from "./chat-view.js";
import type { EpisodeId } from "./episode.js";

/**
 * What a subscriber has been told of a chat, deltas aside: everything up to this cut. It is an episode position too (the attempt that
 * the chat was at), and all that a later subscription would need in order to go on from here.
 */
export interface Told extends EpisodeId {
  readonly snapshotVersion: number;
  readonly queueVersion: number;
  readonly retryVersion: number;
  readonly metadataVersion: number;
  readonly status: ChatStatus;
  /** A failed attempt was waiting to be repeated. */
  readonly retrying: boolean;
}

export function toldOf({ chat, metadataVersion }: ChatView): Told {
  const { versions } = chat;
  if (versions === undefined) throw new Error("a chat was read without its versions");
  return {
    historyVersion: Number(versions.historyVersion),
    generationAttempt: versions.generationAttempt,
    snapshotVersion: Number(versions.snapshotVersion),
    queueVersion: Number(versions.queueVersion),
    retryVersion: Number(versions.retryVersion),
    metadataVersion,
    status: chat.status,
    retrying: chat.retry !== undefined,
  };
}

/** No turn is under way. */
export function isIdle({ status }: Pick<Told, "status">): boolean {
  return (
    status === ChatStatus.WAITING || status === ChatStatus.ERROR || status === ChatStatus.REQUIRES_ACTION
  );
}

/** The attempt that the chat is at may be producing deltas. */
export function isGenerating({ status, retrying }: Pick<Told, "status" | "retrying">): boolean {
  return (status === ChatStatus.RUNNING || status === ChatStatus.INTERRUPTING) && !retrying;
}
