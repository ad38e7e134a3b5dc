/**
 * Decides what one subscriber of one chat is told, and when.
 *
 * ```
 *           view: a page ┌─┐  last view, its          all deltas that
 *          of the state  │ ▼  episode is open         were there
 *   start  ┌─────────────┴─┐          ┌─────────────┐
 *  ───────▶│    opening    │─────────▶│ catching up │───────────┐
 *          └──────┬──▲──┬──┘          └─────────────┘ caught_up │
 *      first view:│  │  │ last view, no episode                 ▼
 *      the rest of│  │  └──────────────────────────────────▶┌────────┐◀─┐ view: its events
 *      the episode│  │ closed and drained                   │  live  │──┘ deltas: passed on
 *      in which   │  │                                      └─┬────▲─┘
 *      the position  │   view with a longer history, while   │    │ the episode is closed and drained,
 *      is         │  │   the deltas that led to it still come │    │ or the timer fired: the view's events
 *               ┌─▼──┴──────────────────────────────────────────▼────┴─┐
 *               │                       holding                        │
 *               └──────────────────────────────────────────────────────┘
 *          A view that says "no such chat": from everywhere to `ended`.
 * ```
 *
 * What is true comes from views (cuts of the database) alone; a notification or an opened episode is a reason to read one.
 * At most one read is under way, and each hint leads to at most one read that began after it, however wrong the hint is (BUS-4).
 *
 * A subscriber that comes back begins with what it has, its position, in place of nothing; a snapshot is what is new to one that has
 * nothing. Each event says which position it leads to, so that a stream can be cut after any of them. Messages come page by page, the next
 * one being read while the last is taken, so that a subscriber never holds more than two.
 *
 * Deltas are passed on only while the last view told says that exactly this attempt is running, so none comes before its `status`
 * and none after the messages that it led to (STREAM-7). The deltas of an episode come from outside in order and end with
 * `episodeClosed`, which for a committed episode follows its last delta.
 */
import { isShown, show } from "./preview.js";
import type { Opening, StreamInput, StreamPosition, StreamState } from "./stream-state.js";
import {
  announce,
  catchUp,
  continueWith,
  fetch,
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

/** `held`: the deltas of the episode in which the position is can still be had, so that the rest of them can be told. */
export function startStream(
  { afterMessageId, told, seen }: StreamPosition,
  { held }: { readonly held: boolean },
): StreamStep {
  const state: Opening = {
    phase: "opening",
    afterMessageId,
    lastId: 1,
    announced: undefined,
    heard: heardNothing,
    told,
    preview: seen === undefined ? undefined : { ...seen, log: held ? "open" : "discarded" },
    fetchId: 1,
  };
  return { state, outputs: [fetch(1, state, { withCheckpoint: true })] };
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
    notified: (state, { snapshotVersion }) => stay(hear(state, snapshotVersion)),
    episodeOpened: (state, { episode }) => stay(announce(state, episode)),
    following: ignore,
    deltas: ignore,
    episodeClosed: ignore,
    timer: ignore,
  },
  catchingUp: {
    view: ignore,
    notified: (state, { snapshotVersion }) => stay(hear(state, snapshotVersion)),
    episodeOpened: (state, { episode }) => stay(announce(state, episode)),
    following: (state, { episode, lastSeq }) =>
      isShown(state.preview, episode) ? catchUp({ ...state, targetSeq: lastSeq }) : ignore(state),
    deltas: (state, { episode, events }) => {
      if (!isShown(state.preview, episode)) return ignore(state);
      const shown = { ...state, preview: show(state.preview, events) };
      return continueWith(pass(shown, episode, events).outputs, catchUp(shown));
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
    notified: (state, { snapshotVersion }) => settle(hear(state, snapshotVersion)),
    episodeOpened: (state, { episode }) => {
      if (isShown(state.preview, episode)) return ignore(state);
      return followAnnounced(announce(state, episode));
    },
    following: ignore,
    deltas: (state, { episode, events }) =>
      isShown(state.preview, episode)
        ? pass({ ...state, preview: show(state.preview, events) }, episode, events)
        : ignore(state),
    episodeClosed: (state, { episode, outcome }) =>
      isShown(state.preview, episode)
        ? stay({ ...state, preview: { ...state.preview, log: outcome } })
        : ignore(state),
    timer: ignore,
  },
  holding: {
    view: ignore,
    notified: (state, { snapshotVersion }) => stay(hear(state, snapshotVersion)),
    episodeOpened: (state, { episode }) => stay(announce(state, episode)),
    following: ignore,
    deltas: (state, { episode, events }) =>
      isShown(state.preview, episode)
        ? pass({ ...state, preview: show(state.preview, events) }, episode, events)
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
