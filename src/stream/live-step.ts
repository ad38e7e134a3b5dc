import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import { LastFew } from "../platform/index.js";
import { encodeCursor } from "./cursor.js";
import { compareEpisodes, type EpisodeId } from "./episode.js";
import { approximateSize } from "./event-size.js";
import type { Preview } from "./preview.js";
import { maxBatchEvents, maxBatchSize, type StreamBatch } from "./stream-batch.js";
import { stepStream } from "./stream-machine.js";
import type { Live, StreamPosition } from "./stream-state.js";
import { isSameTold } from "./told.js";

/** What deltas do to a subscriber that is live: it gets a batch, and is at another place. */
export interface LiveStep {
  readonly state: Live;
  readonly batch: StreamBatch;
  /** After the batch. */
  readonly position: StreamPosition;
}

/**
 * Tells deltas, and nothing else. Nearly all that subscribers ever get they get here, one subscriber of a chat after the other: for those who are at
 * the same place the step is made once, and their states become one object. Undefined when deltas do more, or less, or are too much for one batch.
 */
export function tellDeltas(
  chatId: string,
  state: Live,
  episode: EpisodeId,
  events: readonly StreamEvent[],
): LiveStep | undefined {
  // Events belong to one chat, and to one episode of it.
  if (last?.events === events && last.from === state) return last.step;
  const known = made.find((other) => other.events === events && isSamePlace(other.from, state));
  if (known === undefined) {
    const step = makeStep(chatId, state, episode, events);
    if (step === undefined) return undefined;
    last = { events, from: state, step };
    made.add(last);
    return step;
  }
  last = known;
  const { step } = known;
  if (step.state.lastId === state.lastId) return step;
  return { ...step, state: { ...step.state, lastId: state.lastId } };
}

interface Made {
  readonly events: readonly StreamEvent[];
  readonly from: Live;
  readonly step: LiveStep;
}

/** What was asked for last. */
let last: Made | undefined;

const made = new LastFew<Made>(4);

function makeStep(
  chatId: string,
  from: Live,
  episode: EpisodeId,
  events: readonly StreamEvent[],
): LiveStep | undefined {
  const size = events.reduce((sum, event) => sum + approximateSize(event), 0);
  if (events.length > maxBatchEvents || size > maxBatchSize) return undefined;
  const { state, outputs } = stepStream(from, { type: "deltas", episode, events });
  const [output] = outputs;
  if (state.phase !== "live" || output?.type !== "emit" || outputs.length > 1) return undefined;
  const position = output.emissions.at(-1)?.position;
  if (position === undefined) return undefined;
  return { state, position, batch: { events, cursor: encodeCursor(chatId, position) } };
}

/** But for `lastId`: how many reads somebody has made so far is nobody else's business. */
export function isSamePlace(a: Live, b: Live): boolean {
  return (
    a === b ||
    (a.afterMessageId === b.afterMessageId &&
      a.fetchId === b.fetchId &&
      a.announced === b.announced &&
      a.heard === b.heard &&
      isSamePreview(a.preview, b.preview) &&
      (a.told === b.told || isSameTold(a.told, b.told)))
  );
}

function isSamePreview(a: Preview | undefined, b: Preview | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.lastSeq === b.lastSeq && a.log === b.log && compareEpisodes(a.episode, b.episode) === 0;
}
