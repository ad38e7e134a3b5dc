import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { ChatView, ReadViewOptions } from "./chat-view.js";
import type { EpisodeOutcome } from "./delta-log.js";
import type { EpisodeId } from "./episode.js";
import type { Preview } from "./preview.js";
import type { Told } from "./told.js";

/** Where a subscription begins. */
export interface StreamPosition {
  /** The subscriber has the messages up to this id; 0: none. */
  readonly afterMessageId: number;
}

export type StreamInput =
  /** The answer to a `fetch`. Undefined: there is no such chat. */
  | { readonly type: "view"; readonly fetchId: number; readonly view: ChatView | undefined }
  /** The chat may have changed: a hint from the bus, or, without a version, that it is time to look. */
  | { readonly type: "notified"; readonly snapshotVersion: number | undefined }
  /** An attempt began to produce deltas here. */
  | { readonly type: "episodeOpened"; readonly episode: EpisodeId }
  /** The answer to a `follow`: as many deltas are there at this moment. */
  | { readonly type: "following"; readonly episode: EpisodeId; readonly lastSeq: number }
  /** The next deltas of the followed episode. */
  | { readonly type: "deltas"; readonly episode: EpisodeId; readonly events: readonly StreamEvent[] }
  /** The followed episode is over. If committed: after its last delta. */
  | { readonly type: "episodeClosed"; readonly episode: EpisodeId; readonly outcome: EpisodeOutcome }
  | { readonly type: "timer"; readonly timerId: number };

export type StreamOutput =
  | { readonly type: "emit"; readonly events: readonly StreamEvent[] }
  /** Read the chat and answer with `view`. The one before was answered. */
  | ({ readonly type: "fetch"; readonly fetchId: number } & ReadViewOptions)
  /** Answer with `following`, then with `deltas` from seq 1 until `episodeClosed`. The latest episode that was opened, always. */
  | { readonly type: "follow"; readonly episode: EpisodeId }
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
  readonly told: Told;
  readonly preview: Preview;
  readonly view: ChatView;
  readonly timerId: number;
}

export interface Ended {
  readonly phase: "ended";
}
