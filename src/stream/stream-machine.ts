/**
 * Decides what one subscriber of one chat is told, and when.
 *
 * ```
 *                      first view, its          all deltas that
 *   start  ┌─────────┐ episode is open ┌────────────┐ were there
 *  ───────▶│ opening │────────────────▶│ catching up│─────────────┐
 *          └────┬────┘                 └────────────┘   caught_up │
 *               │ first view, no episode                          ▼
 *               └───────────────────────────────────────────▶┌────────┐◀─┐ view: its events
 *                                               caught_up    │  live  │──┘ deltas: passed on
 *                                                            └─┬────▲─┘
 *                          view with a longer history, while   │    │ the episode is closed and drained,
 *                          the deltas that led to it still come│    │ or the timer fired: the view's events
 *                                                            ┌─▼────┴─┐
 *          a view that says "no such chat":                  │ holding│
 *          from everywhere to `ended`                        └────────┘
 * ```
 *
 * What is true comes from views (cuts of the database) alone; a notification, an opened episode or the clock are reasons to read one.
 * At most one read is under way, and each hint leads to at most one read that began after it, however wrong the hint is (BUS-4).
 *
 * Deltas are passed on only while the last view told says that exactly this attempt is running, so none comes before its `status`
 * and none after the messages that it led to (STREAM-7). The deltas of an episode come from outside in order and end with
 * `episodeClosed`, which for a committed episode follows its last delta.
 */
import { compareEpisodes } from "./episode.js";
import { isShown, show } from "./preview.js";
import type { StreamInput, StreamPosition, StreamState } from "./stream-state.js";
import {
  announce,
  catchUp,
  continueWith,
  followAnnounced,
  hear,
  heardNothing,
  open,
  pass,
  receive,
  release,
  settle,
  stay,
  type StreamStep,
} from "./stream-transitions.js";

export function startStream({ afterMessageId }: StreamPosition): StreamStep {
  return {
    state: {
      phase: "opening",
      afterMessageId,
      lastId: 1,
      announced: undefined,
      heard: heardNothing,
      fetchId: 1,
    },
    outputs: [{ type: "fetch", fetchId: 1, sinceVersion: 0, afterMessageId }],
  };
}

export function stepStream(state: StreamState, input: StreamInput): StreamStep {
  // One cell per pair, checked where the table stands; here the compiler cannot see that the two lookups agree.
  const cell = table[state.phase][input.type] as (state: StreamState, input: StreamInput) => StreamStep;
  return cell(state, input);
}

type Cell<P extends StreamState["phase"], I extends StreamInput["type"]> = (
  state: Extract<StreamState, { phase: P }>,
  input: Extract<StreamInput, { type: I }>,
) => StreamStep;

const ignore = stay;

const table: { readonly [P in StreamState["phase"]]: { readonly [I in StreamInput["type"]]: Cell<P, I> } } = {
  opening: {
    view: (state, { fetchId, view }) => (fetchId === state.fetchId ? open(state, view) : ignore(state)),
    notified: (state, { snapshotVersion }) => stay(hear(state, snapshotVersion ?? 0)),
    episodeOpened: (state, { episode }) => stay(announce(state, episode)),
    following: ignore,
    deltas: ignore,
    episodeClosed: ignore,
    timer: ignore,
  },
  catchingUp: {
    view: ignore,
    notified: (state, { snapshotVersion }) => stay(hear(state, snapshotVersion ?? Number.POSITIVE_INFINITY)),
    episodeOpened: (state, { episode }) => stay(announce(state, episode)),
    following: (state, { episode, lastSeq }) =>
      isShown(state.preview, episode) ? catchUp({ ...state, targetSeq: lastSeq }) : ignore(state),
    deltas: (state, { episode, events }) => {
      if (!isShown(state.preview, episode)) return ignore(state);
      const preview = show(state.preview, events);
      return continueWith([{ type: "emit", events }], catchUp({ ...state, preview }));
    },
    episodeClosed: (state, { episode, outcome }) =>
      isShown(state.preview, episode)
        ? catchUp({ ...state, preview: { ...state.preview, log: outcome } })
        : ignore(state),
    timer: ignore,
  },
  live: {
    view: (state, { fetchId, view }) =>
      fetchId === state.fetchId ? receive({ ...state, fetchId: undefined }, view) : ignore(state),
    notified: (state, { snapshotVersion }) =>
      // The read under way looks already.
      settle(hear(state, snapshotVersion ?? (state.fetchId === undefined ? Number.POSITIVE_INFINITY : 0))),
    episodeOpened: (state, { episode }) => {
      if (state.preview !== undefined && compareEpisodes(state.preview.episode, episode) === 0)
        return ignore(state);
      return followAnnounced(announce(state, episode));
    },
    following: ignore,
    deltas: (state, { episode, events }) =>
      isShown(state.preview, episode)
        ? pass({ ...state, preview: show(state.preview, events) }, events)
        : ignore(state),
    episodeClosed: (state, { episode, outcome }) =>
      isShown(state.preview, episode)
        ? stay({ ...state, preview: { ...state.preview, log: outcome } })
        : ignore(state),
    timer: ignore,
  },
  holding: {
    view: ignore,
    notified: (state, { snapshotVersion }) => stay(hear(state, snapshotVersion ?? Number.POSITIVE_INFINITY)),
    episodeOpened: (state, { episode }) => stay(announce(state, episode)),
    following: ignore,
    deltas: (state, { episode, events }) =>
      isShown(state.preview, episode)
        ? pass({ ...state, preview: show(state.preview, events) }, events)
        : ignore(state),
    episodeClosed: (state, { episode, outcome }) =>
      isShown(state.preview, episode)
        ? release({ ...state, preview: { ...state.preview, log: outcome } })
        : ignore(state),
    // Nobody vouches for what was shown: the messages stand for themselves.
    timer: (state, { timerId }) => (timerId === state.timerId ? release(state) : ignore(state)),
  },
  ended: {
    view: ignore,
    notified: ignore,
    episodeOpened: ignore,
    following: ignore,
    deltas: ignore,
    episodeClosed: ignore,
    timer: ignore,
  },
};
