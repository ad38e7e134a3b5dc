import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { ChatView } from "./chat-view.js";
import type { EpisodeId } from "./episode.js";

/**
 * What a subscriber has been told of a chat, deltas aside. It is an episode position too (the attempt that the chat was at), and, with
 * the position in the running episode, all that a later subscription needs in order to go on from here: each event advances it.
 */
export interface Told extends EpisodeId {
  /** Everything up to this cut, messages aside. */
  readonly snapshotVersion: number;
  readonly queueVersion: number;
  readonly retryVersion: number;
  readonly metadataVersion: number;
  readonly status: ChatStatus;
  /** A failed attempt was waiting to be repeated. */
  readonly retrying: boolean;
  /** Messages that were written up to this version. */
  readonly messageVersion: number;
  /** In the middle of a list of messages: of the newer ones those up to `throughId`, as they were at `version`. */
  readonly partly: { readonly version: number; readonly throughId: number } | undefined;
  /** In the middle of a snapshot: the queue, and what explains the status, are still to be told. */
  readonly opening: boolean;
}

/** All of a view. */
export function toldOf({ chat, metadataVersion }: ChatView): Told {
  const { versions } = chat;
  if (versions === undefined) throw new Error("a chat was read without its versions");
  const snapshotVersion = Number(versions.snapshotVersion);
  return {
    historyVersion: Number(versions.historyVersion),
    generationAttempt: versions.generationAttempt,
    snapshotVersion,
    queueVersion: Number(versions.queueVersion),
    retryVersion: Number(versions.retryVersion),
    metadataVersion,
    status: chat.status,
    retrying: chat.retry !== undefined,
    messageVersion: snapshotVersion,
    partly: undefined,
    opening: false,
  };
}

/** Of a view nothing but its status, with which a snapshot begins. */
export function statusOf(view: ChatView): Told {
  const told = toldOf(view);
  return {
    ...told,
    snapshotVersion: 0,
    queueVersion: 0,
    retryVersion: 0,
    messageVersion: 0,
    partly: { version: told.snapshotVersion, throughId: 0 },
    opening: true,
  };
}

export function isSameTold(a: Told, b: Told): boolean {
  return (
    a.snapshotVersion === b.snapshotVersion &&
    a.historyVersion === b.historyVersion &&
    a.generationAttempt === b.generationAttempt &&
    a.queueVersion === b.queueVersion &&
    a.retryVersion === b.retryVersion &&
    a.metadataVersion === b.metadataVersion &&
    a.status === b.status &&
    a.retrying === b.retrying &&
    a.messageVersion === b.messageVersion &&
    a.partly?.version === b.partly?.version &&
    a.partly?.throughId === b.partly?.throughId &&
    a.opening === b.opening
  );
}

/** Nobody can have been told this: the database is older than the position, or the position was made up. */
export function isAhead(told: Told, { snapshotVersion }: Told): boolean {
  return Math.max(told.snapshotVersion, told.messageVersion, told.partly?.version ?? 0) > snapshotVersion;
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
