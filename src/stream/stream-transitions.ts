/** The transitions of the stream machine: what happens in the cells of its table. See `stream-machine.ts`. */
import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { ChatView } from "./chat-view.js";
import { compareEpisodes, type EpisodeId } from "./episode.js";
import { fateOf, newPreview, type Preview, previewAfter } from "./preview.js";
import { caughtUp, previewReset } from "./stream-event.js";
import type {
  CatchingUp,
  Common,
  Holding,
  Live,
  Opening,
  StreamOutput,
  StreamState,
} from "./stream-state.js";
import { isGenerating, toldOf } from "./told.js";
import { changeEvents, snapshotEvents } from "./view-events.js";

/** How long a longer history waits for the end of the episode that led to it. Its worker ends it right after the commit. */
const holdMs = 1_000;

export interface StreamStep {
  readonly state: StreamState;
  readonly outputs: readonly StreamOutput[];
}

/** No reason to read. */
export const heardNothing: Common["heard"] = { version: 0, episode: false };

/** Nothing to say. */
export function stay(state: StreamState): StreamStep {
  return { state, outputs: [] };
}

/** One thing after another. */
export function continueWith(outputs: readonly StreamOutput[], next: StreamStep): StreamStep {
  return { state: next.state, outputs: [...outputs, ...next.outputs] };
}

/** A version was heard of. */
export function hear<S extends Common>(state: S, version: number): S {
  return version <= state.heard.version ? state : { ...state, heard: { ...state.heard, version } };
}

/** An episode was opened. */
export function announce<S extends Common>(state: S, episode: EpisodeId): S {
  return { ...state, announced: episode, heard: { ...state.heard, episode: true } };
}

/** The first view. What exists is told; deltas that exist are told before `caught_up`. */
export function open(state: Opening, view: ChatView | undefined): StreamStep {
  if (view === undefined) return ended([]);
  const told = toldOf(view);
  const events = snapshotEvents(view);
  const { afterMessageId, lastId, announced, heard } = state;
  if (announced !== undefined && compareEpisodes(announced, told) === 0 && isGenerating(told)) {
    const preview = newPreview(announced);
    return {
      state: {
        phase: "catchingUp",
        afterMessageId,
        lastId,
        announced: undefined,
        heard,
        told,
        preview,
        targetSeq: undefined,
      },
      outputs: [
        { type: "emit", events },
        { type: "follow", episode: announced },
      ],
    };
  }
  return continueWith(
    [{ type: "emit", events: [...events, caughtUp] }],
    followAnnounced({
      phase: "live",
      afterMessageId,
      lastId,
      announced,
      heard,
      told,
      preview: undefined,
      fetchId: undefined,
    }),
  );
}

/** Caught up once all deltas that were there were told, or the episode is over, so that no more are to be told. */
export function catchUp(state: CatchingUp): StreamStep {
  const { afterMessageId, lastId, announced, heard, told, preview, targetSeq } = state;
  const done = preview.log !== "open" || (targetSeq !== undefined && preview.lastSeq >= targetSeq);
  if (!done) return stay(state);
  return continueWith(
    [{ type: "emit", events: [caughtUp] }],
    followAnnounced({
      phase: "live",
      afterMessageId,
      lastId,
      announced,
      heard,
      told,
      preview,
      fetchId: undefined,
    }),
  );
}

/** A view while live: held back while the deltas that led to it are still coming, else told. */
export function receive(state: Live, view: ChatView | undefined): StreamStep {
  if (view === undefined) return ended(unfollow(state.preview));
  const { told, preview, announced } = state;
  const now = toldOf(view);
  if (now.snapshotVersion <= told.snapshotVersion) return settle(state);
  if (!view.reset && now.historyVersion > told.historyVersion) {
    // The attempt that led to this view began and ended between two reads. Its deltas are true, so they are told all the same.
    const unseen =
      announced !== undefined &&
      announced.historyVersion === told.historyVersion &&
      compareEpisodes(announced, told) > 0 &&
      told.status === ChatStatus.RUNNING;
    if (unseen) return hold({ ...state, announced: undefined }, view, follow(preview, announced));
    if (preview?.log === "open") return hold(state, view, { preview, outputs: [] });
  }
  return tell(state, view);
}

/** Begins an attempt that no view has shown. */
function follow(
  previous: Preview | undefined,
  episode: EpisodeId,
): { preview: Preview; outputs: readonly StreamOutput[] } {
  const again = episode.generationAttempt > 1;
  return {
    preview: newPreview(episode),
    outputs: [
      ...unfollow(previous),
      ...(again ? [{ type: "emit", events: [previewReset] } as const] : []),
      { type: "follow", episode },
    ],
  };
}

function hold(
  state: Live,
  view: ChatView,
  { preview, outputs }: { preview: Preview; outputs: readonly StreamOutput[] },
): StreamStep {
  const { afterMessageId, announced, heard, told } = state;
  const timerId = state.lastId + 1;
  return {
    state: {
      phase: "holding",
      afterMessageId,
      lastId: timerId,
      announced,
      heard,
      told,
      preview,
      view,
      timerId,
    },
    outputs: [...outputs, { type: "armTimer", timerId, ms: holdMs }],
  };
}

/** The wait for the deltas that led to the held view is over. */
export function release({ view, ...state }: Holding): StreamStep {
  const { afterMessageId, lastId, announced, heard, told, preview } = state;
  return tell(
    { phase: "live", afterMessageId, lastId, announced, heard, told, preview, fetchId: undefined },
    view,
  );
}

/** The events of a view, and what follows from it for the running step. */
function tell(state: Live, view: ChatView): StreamStep {
  const now = toldOf(view);
  const fate = fateOf(state.preview, view, now);
  const shown = state.preview !== undefined && state.preview.lastSeq > 0;
  // Messages take the place of the deltas that led to them. Where none is to be seen, nothing would.
  const resetPreview =
    shown && (fate === "discarded" || (fate === "committed" && view.messages.length === 0));
  const events = changeEvents(state.told, view, { resetPreview });
  const preview = previewAfter(state.preview, fate);
  const outputs: StreamOutput[] = [
    ...(preview?.log === "open" ? [] : unfollow(state.preview)),
    ...(events.length > 0 ? [{ type: "emit", events } as const] : []),
  ];
  return continueWith(
    outputs,
    followAnnounced({
      ...state,
      told: now,
      preview,
      // After a history reset the subscriber has all messages, so it gets revisions of all.
      afterMessageId: view.reset ? 0 : state.afterMessageId,
    }),
  );
}

/** Follows the latest episode if the chat is at it, forgets it if the chat is past it, and else lets it be a reason to read. */
export function followAnnounced(state: Live): StreamStep {
  const { announced, told } = state;
  if (announced === undefined) return settle(state);
  const order = compareEpisodes(announced, told);
  if (order > 0) return settle(state);
  if (order < 0 || !isGenerating(told)) return settle({ ...state, announced: undefined });
  const preview = newPreview(announced);
  return continueWith(
    [{ type: "follow", episode: announced }],
    settle({ ...state, announced: undefined, preview }),
  );
}

/** Reads if something newer than what was told was heard of and no read is under way. */
export function settle(state: Live): StreamStep {
  const { announced, heard, told, fetchId: reading } = state;
  if (reading !== undefined) return stay(state);
  const newer = heard.version > told.snapshotVersion;
  const ahead = heard.episode && announced !== undefined && compareEpisodes(announced, told) > 0;
  if (!newer && !ahead) return stay({ ...state, heard: heardNothing });
  const fetchId = state.lastId + 1;
  return {
    state: { ...state, lastId: fetchId, fetchId, heard: heardNothing },
    outputs: [
      { type: "fetch", fetchId, sinceVersion: told.snapshotVersion, afterMessageId: state.afterMessageId },
    ],
  };
}

/** Passes deltas on. */
export function pass(state: StreamState, events: readonly StreamEvent[]): StreamStep {
  return { state, outputs: [{ type: "emit", events }] };
}

function unfollow(preview: Preview | undefined): StreamOutput[] {
  return preview?.log === "open" ? [{ type: "unfollow" }] : [];
}

function ended(outputs: readonly StreamOutput[]): StreamStep {
  return { state: { phase: "ended" }, outputs: [...outputs, { type: "end", reason: "deleted" }] };
}
