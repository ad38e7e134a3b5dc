import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { ChatView, ReadViewOptions } from "./chat-view.js";
import type { EpisodeId } from "./episode.js";
import type { EpisodeOutcome } from "./episode-log.js";
import type { Preview, SeenDeltas } from "./preview.js";
import type { Told } from "./told.js";

/** Where a subscription begins, or goes on: what its subscriber has. A cursor is the text of one. */
export interface StreamPosition {
  /** The subscriber has, or does not want, the messages up to this id; 0: none. */
  readonly afterMessageId: number;
  /** Undefined: nothing. */
  readonly told: Told | undefined;
  readonly seen: SeenDeltas | undefined;
}

export type StreamInput =
  /** The answer to a `fetch`. Undefined: there is no such chat. */
  | { readonly type: "view"; readonly fetchId: number; readonly view: ChatView | undefined }
  /** A hint from the bus: the chat may have come to this version; to one that nobody knows, if it is infinite. */
  | { readonly type: "notified"; readonly snapshotVersion: number }
  /** An attempt began to produce deltas here. */
  | { readonly type: "episodeOpened"; readonly episode: EpisodeId }
  /** The answer to a `follow`: as many deltas are there at this moment. */
  | { readonly type: "following"; readonly episode: EpisodeId; readonly lastSeq: number }
  /** The next deltas of the followed episode. */
  | { readonly type: "deltas"; readonly episode: EpisodeId; readonly events: readonly StreamEvent[] }
  /**
   * The followed episode is over. If committed: after its last delta. Discarded also if its deltas are no longer held, so that the
   * subscriber cannot be told the rest.
   */
  | { readonly type: "episodeClosed"; readonly episode: EpisodeId; readonly outcome: EpisodeOutcome }
  | { readonly type: "timer"; readonly timerId: number };

/** An event for the subscriber, and its position after it. Without one it travels together with the next. */
export interface Emission {
  readonly event: StreamEvent;
  readonly position: StreamPosition | undefined;
}

export type StreamOutput =
  | { readonly type: "emit"; readonly emissions: readonly Emission[] }
  /** Read the chat and answer with `view`. The one before was answered. */
  | ({ readonly type: "fetch"; readonly fetchId: number } & ReadViewOptions)
  /**
   * Answer with `following`, then with `deltas` from `afterSeq` on until `episodeClosed`. The latest episode that was opened, or the one
   * of the position that the stream began at, if that was held then.
   */
  | { readonly type: "follow"; readonly episode: EpisodeId; readonly afterSeq: number }
  /** No more deltas of the followed episode. */
  | { readonly type: "unfollow" }
  | { readonly type: "armTimer"; readonly timerId: number; readonly ms: number }
  /** The stream is over: nothing follows. */
  | { readonly type: "end"; readonly reason: "deleted" };

export type StreamState = Opening | CatchingUp | Live | Holding | Ended;

export interface Common {
  readonly afterMessageId: number;
  /** The last id that was given to a request. */
  readonly lastId: number;
  /** The latest episode that was opened and is not followed, unless it is known to be past. */
  readonly announced: EpisodeId | undefined;
  /** What was heard since the last read began, and may call for another. */
  readonly heard: { readonly version: number; readonly episode: boolean };
}

export interface Opening extends Common {
  readonly phase: "opening";
  /** Undefined until the first view of a subscriber that has nothing. */
  readonly told: Told | undefined;
  readonly preview: Preview | undefined;
  readonly fetchId: number;
}

export interface CatchingUp extends Common {
  readonly phase: "catchingUp";
  readonly told: Told;
  readonly preview: Preview;
  /** Caught up with this delta. Undefined until the answer to `follow` is there. */
  readonly targetSeq: number | undefined;
}

export interface Live extends Common {
  readonly phase: "live";
  readonly told: Told;
  readonly preview: Preview | undefined;
  /** The read under way. */
  readonly fetchId: number | undefined;
}

export interface Holding extends Common {
  readonly phase: "holding";
  /** What comes after. */
  readonly next: "opening" | "live";
  readonly told: Told;
  readonly preview: Preview;
  readonly view: ChatView;
  readonly timerId: number;
}

export interface Ended {
  readonly phase: "ended";
}
