import type { RelayEvent } from "../gen/palaver/relay/v1/relay_service_pb.js";
import { type DeltaLog, type EpisodeId, type EpisodeWriter, splitPart } from "../stream/index.js";
import type { HeldDeltas } from "./episode-feed.js";

/**
 * The same episodes here as at the worker's replica, with the same numbers: what has come is told by its number, never by its content
 * (RELAY-7). The end of a stream changes nothing (RELAY-6).
 */
export class Mirror {
  readonly #log: DeltaLog;
  readonly #chatId: string;
  #open: { readonly episode: EpisodeId; readonly writer: EpisodeWriter } | undefined;

  constructor(log: DeltaLog, chatId: string) {
    this.#log = log;
    this.#chatId = chatId;
  }

  /** Up to where the open episode has come, to go on from there over another stream. */
  get held(): HeldDeltas | undefined {
    return this.#open && { episode: this.#open.episode, seq: this.#open.writer.lastSeq };
  }

  /** Returns false when it does not continue what came before: the peer or the link is broken. The next stream then begins anew. */
  apply({ event }: RelayEvent): boolean {
    switch (event.case) {
      case "episodeOpened": {
        const { historyVersion = 0n, generationAttempt = 0 } = event.value.episode ?? {};
        return this.#opened(
          { historyVersion: Number(historyVersion), generationAttempt },
          Number(event.value.afterSeq),
        );
      }
      case "deltas": {
        const { firstSeq, role, block, part, lengths } = event.value;
        const writer = this.#open?.writer;
        if (part === undefined || Number(firstSeq) - 1 !== writer?.lastSeq) return this.#broken();
        for (const one of splitPart(part, lengths)) writer.append({ role, block, part: one });
        return true;
      }
      case "episodeClosed":
        this.#open?.writer.close(event.value.committed ? "committed" : "discarded");
        this.#open = undefined;
        return true;
      default:
        // Of a newer version.
        return true;
    }
  }

  /** Nobody will go on with the open episode. */
  discard(): void {
    this.#open?.writer.close("discarded");
    this.#open = undefined;
  }

  #opened(episode: EpisodeId, afterSeq: number): boolean {
    const held = this.held;
    const same =
      held !== undefined &&
      held.episode.historyVersion === episode.historyVersion &&
      held.episode.generationAttempt === episode.generationAttempt;
    if (same && held.seq === afterSeq) return true;
    if (afterSeq !== 0) return this.#broken();
    this.discard();
    this.#open = { episode, writer: this.#log.open(this.#chatId, episode) };
    return true;
  }

  #broken(): false {
    this.discard();
    return false;
  }
}
