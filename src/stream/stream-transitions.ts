/** The transitions of the stream machine: what happens in the cells of its table. See `stream-machine.ts`. */
import { ChatStatus } from "../gen/palaver/chat/v1/chat_pb.js";
import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { ChatView, ReadViewOptions } from "./chat-view.js";
import { deltaEmissions, emission, viewEmissions } from "./emissions.js";
import { compareEpisodes, type EpisodeId } from "./episode.js";
import { type Fate, fateOf, newPreview, type Preview, previewAfter, show } from "./preview.js";
import { caughtUp, historyReset, previewReset, statusEvent } from "./stream-event.js";
import type {
  CatchingUp,
  Common,
  Emission,
  Holding,
  Live,
  Opening,
  StreamOutput,
  StreamState,
} from "./stream-state.js";
import { isAhead, isGenerating, isIdle, statusOf, type Told, toldOf } from "./told.js";
import { tellings } from "./view-events.js";

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

/** A read of what the subscriber does not have. */
export function fetch(
  fetchId: number,
  { told, afterMessageId }: { readonly told: Told | undefined; readonly afterMessageId: number },
  { withCheckpoint, atLeast = nothing }: Pick<ReadViewOptions, "withCheckpoint"> & Partial<ReadViewOptions>,
): StreamOutput {
  const throughId = told?.partly?.throughId ?? 0;
  return {
    type: "fetch",
    fetchId,
    // Whatever follows a new message is new as well, and is found by its id: the pages before are not read again.
    sinceVersion: throughId > 0 ? 0 : (told?.messageVersion ?? 0),
    afterMessageId: Math.max(afterMessageId, throughId),
    resetSinceVersion: told?.partly?.version ?? told?.messageVersion ?? 0,
    withCheckpoint,
    atLeast,
  };
}

const nothing: ReadViewOptions["atLeast"] = { version: 0, episode: undefined };

/** A view before the subscriber is caught up: the first, or another page of it. */
export function open(state: Opening, view: ChatView | undefined): StreamStep {
  if (view === undefined) return ended([]);
  const { told, preview, afterMessageId } = state;
  if (told === undefined) {
    const begun = statusOf(view);
    const status = emission(statusEvent(view.chat.status), { afterMessageId, told: begun, preview });
    return continueWith([emit([status])], tellOpening({ ...state, told: begun }, view));
  }
  const now = toldOf(view);
  if (isAhead(told, now)) return startOver(state, told, view);
  // The rest of the episode that the subscriber was in comes before the messages that it led to (STREAM-3).
  if (preview?.log === "open" && !view.reset && now.historyVersion > preview.episode.historyVersion) {
    const { episode, lastSeq } = preview;
    return hold({ ...state, told }, "opening", view, {
      preview,
      outputs: [{ type: "follow", episode, afterSeq: lastSeq }],
    });
  }
  return tellOpening({ ...state, told }, view);
}

/** The subscriber claims to have what does not exist. It gets everything anew. */
function startOver(state: Opening, told: Told, view: ChatView): StreamStep {
  const begun = statusOf(view);
  const fetchId = state.lastId + 1;
  const next: Opening = {
    ...state,
    told: begun,
    preview: undefined,
    afterMessageId: 0,
    lastId: fetchId,
    fetchId,
  };
  const events: StreamEvent[] = [
    ...(isShownAny(state.preview) ? [previewReset] : []),
    historyReset,
    ...(told.status === view.chat.status ? [] : [statusEvent(view.chat.status)]),
  ];
  const position = { afterMessageId: 0, told: begun, seen: undefined };
  const emissions = events.map((event, index): Emission => {
    return { event, position: index === events.length - 1 ? position : undefined };
  });
  return { state: next, outputs: [emit(emissions), fetch(fetchId, next, { withCheckpoint: true })] };
}

type Opened = Opening & { readonly told: Told };

/** Tells a view that is part of the present state, and goes on with what follows it. */
function tellOpening(state: Opened, view: ChatView): StreamStep {
  const { outputs, told, preview, afterMessageId } = tell(state, view);
  if (view.more) {
    const fetchId = state.lastId + 1;
    const next: Opening = { ...state, told, preview, afterMessageId, lastId: fetchId, fetchId };
    return { state: next, outputs: [...outputs, fetch(fetchId, next, { withCheckpoint: true })] };
  }
  return continueWith(outputs, follow({ ...state, told, preview, afterMessageId }, view.checkpoint));
}

/** All messages are told: now the deltas that exist, then `caught_up`. */
function follow(state: Opened, checkpoint: readonly StreamEvent[]): StreamStep {
  const { afterMessageId, lastId, announced, heard, told } = state;
  const common = { afterMessageId, lastId, heard };
  const atAnnounced = announced !== undefined && compareEpisodes(announced, told) === 0;
  // Of an attempt that was handed over nothing more is told, even where its worker still writes.
  const preview = isGenerating(told) ? found(state.preview, announced) : state.preview;
  if (preview?.log === "open") {
    const known = announced !== undefined && compareEpisodes(announced, preview.episode) <= 0;
    const { episode, lastSeq } = preview;
    return {
      state: {
        ...common,
        phase: "catchingUp",
        announced: known ? undefined : announced,
        told,
        preview,
        targetSeq: undefined,
      },
      outputs: [{ type: "follow", episode, afterSeq: lastSeq }],
    };
  }
  if (atAnnounced && isGenerating(told)) {
    return continueWith(
      isShownAny(preview)
        ? [emit([emission(previewReset, { afterMessageId, told, preview: undefined })])]
        : [],
      follow({ ...state, announced: undefined, preview: newPreview(announced) }, []),
    );
  }
  const stored = storedDeltas(checkpoint, told, preview);
  const restored = stored === undefined ? preview : stored.preview;
  return continueWith(
    [
      ...(stored?.reset === true
        ? [emit([emission(previewReset, { afterMessageId, told, preview: undefined })])]
        : []),
      ...(stored === undefined ? [] : [emit(deltaEmissions(stored.events, stored.preview.episode, state))]),
      emit([emission(caughtUp, { afterMessageId, told, preview: restored })]),
    ],
    followAnnounced({ ...common, phase: "live", announced, told, preview: restored, fetchId: undefined }),
  );
}

/** The deltas of an episode that was thought lost can be had after all. */
function found(preview: Preview | undefined, announced: EpisodeId | undefined): Preview | undefined {
  if (preview === undefined || announced === undefined) return preview;
  return compareEpisodes(preview.episode, announced) === 0 ? { ...preview, log: "open" } : preview;
}

/** Deltas that nobody here has any more, but for what was stored of them: shown until the next attempt begins. */
function storedDeltas(
  checkpoint: readonly StreamEvent[],
  told: Told,
  preview: Preview | undefined,
):
  | { readonly reset: boolean; readonly events: readonly StreamEvent[]; readonly preview: Preview }
  | undefined {
  const last = checkpoint.at(-1)?.event;
  if (last?.case !== "messagePart" || isIdle(told) || told.retrying) return undefined;
  const seenSeq = preview?.lastSeq ?? 0;
  if (seenSeq >= Number(last.value.seq)) return undefined;
  const episode = { historyVersion: told.historyVersion, generationAttempt: told.generationAttempt };
  const rest = checkpoint.filter(
    ({ event }) => event.case === "messagePart" && Number(event.value.firstSeq) > seenSeq,
  );
  const first = rest[0]?.event;
  const continues = first?.case === "messagePart" && Number(first.value.firstSeq) === seenSeq + 1;
  const events = continues ? rest : checkpoint;
  const from = { episode, lastSeq: continues ? seenSeq : 0, log: "discarded" } as const;
  return { reset: !continues, events, preview: show(from, events) };
}

/** Caught up once all deltas that were there were told, or the episode is over, so that no more are to be told. */
export function catchUp(state: CatchingUp): StreamStep {
  const { afterMessageId, lastId, announced, heard, told, preview, targetSeq } = state;
  const done = preview.log !== "open" || (targetSeq !== undefined && preview.lastSeq >= targetSeq);
  if (!done) return stay(state);
  return continueWith(
    [emit([emission(caughtUp, state)])],
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
  if (told.partly === undefined && now.snapshotVersion <= told.snapshotVersion) return settle(state);
  if (told.partly === undefined && !view.reset && now.historyVersion > told.historyVersion) {
    // The attempt that led to this view began and ended between two reads. Its deltas are true, so they are told all the same.
    const unseen =
      announced !== undefined &&
      announced.historyVersion === told.historyVersion &&
      compareEpisodes(announced, told) > 0 &&
      told.status === ChatStatus.RUNNING;
    if (unseen) return hold({ ...state, announced: undefined }, "live", view, begin(state, announced));
    if (preview?.log === "open") return hold(state, "live", view, { preview, outputs: [] });
  }
  return tellLive(state, view);
}

/** Begins an attempt that no view has shown. */
function begin(
  { told, afterMessageId, preview: previous }: Live,
  episode: EpisodeId,
): { preview: Preview; outputs: readonly StreamOutput[] } {
  const preview = newPreview(episode);
  const again = episode.generationAttempt > 1;
  return {
    preview,
    outputs: [
      ...unfollow(previous),
      ...(again ? [emit([emission(previewReset, { told, afterMessageId, preview })])] : []),
      { type: "follow", episode, afterSeq: 0 },
    ],
  };
}

function hold(
  state: Live | Opened,
  next: Holding["next"],
  view: ChatView,
  { preview, outputs }: { preview: Preview; outputs: readonly StreamOutput[] },
): StreamStep {
  const { afterMessageId, announced, heard, told } = state;
  const timerId = state.lastId + 1;
  return {
    state: {
      phase: "holding",
      next,
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
export function release({ view, next, ...state }: Holding): StreamStep {
  const { afterMessageId, lastId, announced, heard, told, preview } = state;
  const common = { afterMessageId, lastId, announced, heard, told };
  if (next === "live") return tellLive({ ...common, phase: "live", preview, fetchId: undefined }, view);
  return continueWith(
    unfollow(preview),
    tellOpening({ ...common, phase: "opening", preview, fetchId: 0 }, view),
  );
}

/** The events of a view, and what follows from it for the running step. */
function tellLive(state: Live, view: ChatView): StreamStep {
  const { outputs, told, preview, afterMessageId } = tell(state, view);
  return continueWith(
    [...(preview?.log === "open" ? [] : unfollow(state.preview)), ...outputs],
    followAnnounced({ ...state, told, preview, afterMessageId }),
  );
}

function tell(
  state: { readonly told: Told; readonly preview: Preview | undefined; readonly afterMessageId: number },
  view: ChatView,
): {
  readonly outputs: readonly StreamOutput[];
  readonly told: Told;
  readonly preview: Preview | undefined;
  readonly afterMessageId: number;
} {
  const fate: Fate = fateOf(state.preview, view, toldOf(view));
  // Messages take the place of the deltas that led to them. Where none is to be seen, nothing would.
  const resetPreview =
    isShownAny(state.preview) &&
    (fate === "discarded" || (fate === "committed" && view.messages.length === 0));
  // After a history reset the subscriber has all messages, so it gets revisions of all.
  const afterMessageId = view.reset ? 0 : state.afterMessageId;
  const { tellings: told, ...end } = tellings(state.told, view, { resetPreview });
  const emissions = viewEmissions(told, {
    afterMessageId,
    preview: state.preview,
    committed: fate === "committed",
  });
  return {
    outputs: emissions.length > 0 ? [emit(emissions)] : [],
    told: end.told,
    preview: previewAfter(state.preview, fate),
    afterMessageId,
  };
}

/** Follows the latest episode if the chat is at it, forgets it if the chat is past it, and else lets it be a reason to read. */
export function followAnnounced(state: Live): StreamStep {
  const { announced, told } = state;
  if (announced === undefined || told.partly !== undefined) return settle(state);
  const order = compareEpisodes(announced, told);
  if (order > 0) return settle(state);
  if (order < 0 || !isGenerating(told)) return settle({ ...state, announced: undefined });
  const shown =
    state.preview !== undefined && compareEpisodes(state.preview.episode, announced) === 0
      ? state.preview
      : undefined;
  if (shown?.log === "open") return settle({ ...state, announced: undefined });
  // What was thought lost goes on where it was.
  const preview: Preview = { ...(shown ?? newPreview(announced)), log: "open" };
  return continueWith(
    [{ type: "follow", episode: announced, afterSeq: preview.lastSeq }],
    settle({ ...state, announced: undefined, preview }),
  );
}

/** Reads if something newer than what was told was heard of, or there is more of what is being told, and no read is under way. */
export function settle(state: Live): StreamStep {
  const { announced, heard, told, fetchId: reading } = state;
  if (reading !== undefined) return stay(state);
  const newer = heard.version > told.snapshotVersion;
  const ahead = heard.episode && announced !== undefined && compareEpisodes(announced, told) > 0;
  if (!newer && !ahead && told.partly === undefined) return stay({ ...state, heard: heardNothing });
  const fetchId = state.lastId + 1;
  const atLeast = { version: heard.version, episode: ahead ? announced : undefined };
  return {
    state: { ...state, lastId: fetchId, fetchId, heard: heardNothing },
    outputs: [fetch(fetchId, state, { withCheckpoint: false, atLeast })],
  };
}

/** Passes deltas on. */
export function pass(
  state: CatchingUp | Live | Holding,
  episode: EpisodeId,
  events: readonly StreamEvent[],
): StreamStep {
  return { state, outputs: [emit(deltaEmissions(events, episode, state))] };
}

/** Some of its deltas were told. */
function isShownAny(preview: Preview | undefined): boolean {
  return preview !== undefined && preview.lastSeq > 0;
}

function emit(emissions: readonly Emission[]): StreamOutput {
  return { type: "emit", emissions };
}

function unfollow(preview: Preview | undefined): StreamOutput[] {
  return preview?.log === "open" ? [{ type: "unfollow" }] : [];
}

function ended(outputs: readonly StreamOutput[]): StreamStep {
  return { state: { phase: "ended" }, outputs: [...outputs, { type: "end", reason: "deleted" }] };
}
