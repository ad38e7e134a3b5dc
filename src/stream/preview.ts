import type { StreamEvent } from "../gen/palaver/chat/v1/event_pb.js";
import type { ChatView } from "./chat-view.js";
import type { EpisodeOutcome } from "./episode-log.js";
import { compareEpisodes, type EpisodeId } from "./episode.js";
import { isGenerating, isIdle, type Told } from "./told.js";

/** An episode whose deltas the subscriber is shown. */
export interface Preview {
  readonly episode: EpisodeId;
  readonly lastSeq: number;
  /** Whether deltas are still to come; else how the episode ended, or "discarded" if its end is not waited for. */
  readonly log: "open" | EpisodeOutcome;
}

export function newPreview(episode: EpisodeId): Preview {
  return { episode, lastSeq: 0, log: "open" };
}

/** How much of an episode a subscriber has seen. */
export type SeenDeltas = Pick<Preview, "episode" | "lastSeq">;

/** Deltas of this episode are to be passed on. */
export function isShown(preview: Preview | undefined, episode: EpisodeId): preview is Preview {
  return preview?.log === "open" && compareEpisodes(preview.episode, episode) === 0;
}

/** Counts deltas as shown. A gap would be a silent hole in what the subscriber sees, so it is a programming error (STREAM-5). */
export function show(preview: Preview, events: readonly StreamEvent[]): Preview {
  let { lastSeq } = preview;
  for (const { event } of events) {
    if (event.case !== "messagePart" || Number(event.value.firstSeq) !== lastSeq + 1)
      throw new Error("deltas do not continue the episode");
    lastSeq = Number(event.value.seq);
  }
  return { episode: preview.episode, lastSeq, log: preview.log };
}

/**
 * What a view says about the deltas shown: of the running step, of an attempt that was handed over (they stay until the next one begins,
 * and nothing is added to them), in the history now, or void.
 */
export type Fate = "running" | "paused" | EpisodeOutcome;

export function fateOf(preview: Preview | undefined, { reset }: ChatView, now: Told): Fate {
  if (preview === undefined || reset) return "discarded";
  if (compareEpisodes(now, preview.episode) === 0) {
    if (isIdle(now) || now.retrying) return "discarded";
    return isGenerating(now) ? "running" : "paused";
  }
  const longer = now.historyVersion > preview.episode.historyVersion;
  return longer && preview.log === "committed" ? "committed" : "discarded";
}

export function previewAfter(preview: Preview | undefined, fate: Fate): Preview | undefined {
  if (fate === "paused") return preview?.log === "open" ? { ...preview, log: "discarded" } : preview;
  return fate === "running" ? preview : undefined;
}
