import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { EpisodeId } from "./episode.js";
import type { Preview, SeenDeltas } from "./preview.js";
import type { Emission, StreamPosition } from "./stream-state.js";
import type { Told } from "./told.js";
import type { Telling } from "./view-events.js";

interface Place {
  readonly afterMessageId: number;
  readonly told: Told;
  readonly preview: Preview | undefined;
}

/** One event that changes nothing but that it was sent. */
export function emission(event: StreamEvent, { afterMessageId, told, preview }: Place): Emission {
  return { event, position: { afterMessageId, told, seen: seenOf(preview) } };
}

/** What a view tells. The deltas that were shown count until messages take their place, or until they are taken back. */
export function viewEmissions(
  tellings: readonly Telling[],
  {
    afterMessageId,
    preview,
    committed,
  }: { afterMessageId: number; preview: Preview | undefined; committed: boolean },
): Emission[] {
  let seen = seenOf(preview);
  return tellings.map(({ event, told }) => {
    const { case: kind } = event.event;
    if (kind === "previewReset" || (kind === "message" && committed)) seen = undefined;
    return { event, position: told === undefined ? undefined : { afterMessageId, told, seen } };
  });
}

/** Deltas of an episode. */
export function deltaEmissions(
  events: readonly StreamEvent[],
  episode: EpisodeId,
  { afterMessageId, told }: Pick<Place, "afterMessageId" | "told">,
): Emission[] {
  return events.map((event) => {
    const lastSeq = event.event.case === "messagePart" ? Number(event.event.value.seq) : 0;
    const position: StreamPosition = { afterMessageId, told, seen: { episode, lastSeq } };
    return { event, position };
  });
}

function seenOf(preview: Preview | undefined): SeenDeltas | undefined {
  return preview === undefined || preview.lastSeq === 0
    ? undefined
    : { episode: preview.episode, lastSeq: preview.lastSeq };
}
