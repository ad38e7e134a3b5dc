import type { Logger } from "../platform/index.js";
import type { CheckpointChunk } from "../protocol/index.js";
import type { LeasedChunk } from "../store/index.js";

/** An episode that this replica generates. */
export interface OpenEpisode {
  readonly chatId: string;
  readonly log: {
    readonly episode: { readonly historyVersion: number; readonly generationAttempt: number };
    readonly lastSeq: number;
    suffixAfter(seq: number): CheckpointChunk;
  };
}

export interface CheckpointWriterOptions {
  readonly episodes: { openEpisodes(): Iterable<OpenEpisode> };
  /** The lease under which this replica runs a chat; undefined when it does not. */
  readonly leaseEpochOf: (chatId: string) => number | undefined;
  /** Writes chunks in one statement, and returns the chats of which it did. */
  readonly append: (chunks: readonly LeasedChunk[]) => Promise<ReadonlySet<string>>;
  readonly logger: Logger;
}

/**
 * Writes down what the running steps of this replica have shown, so that it survives the replica: of each step what is new since it was
 * written last, of all steps in one statement. Where nothing is new, nothing is written.
 *
 * What could not be written, because the database failed or somebody held the chat, is written the next time, together with what has come
 * since. Turns never wait for it and never hear of its failures.
 */
export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions;
  /** Up to which seq each episode is written; gone with the episode. */
  readonly #written = new WeakMap<OpenEpisode["log"], number>();
  #failing = false;

  constructor(options: CheckpointWriterOptions) {
    this.#options = options;
  }

  /** Never rejects. One call at a time. */
  async write(): Promise<void> {
    const { append, logger } = this.#options;
    const due = this.#due();
    if (due.length === 0) return;
    try {
      const taken = await append(due.map(({ chunk }) => chunk));
      for (const { log, chunk } of due) if (taken.has(chunk.chatId)) this.#written.set(log, chunk.lastSeq);
      this.#failing = false;
    } catch (error) {
      // Once: the heartbeat tells that the database is still away.
      if (!this.#failing)
        logger.warn({ err: error, chats: due.length }, "running steps could not be checkpointed");
      this.#failing = true;
    }
  }

  #due(): { readonly log: OpenEpisode["log"]; readonly chunk: LeasedChunk }[] {
    const { episodes, leaseEpochOf } = this.#options;
    return [...episodes.openEpisodes()].flatMap(({ chatId, log }) => {
      const leaseEpoch = leaseEpochOf(chatId);
      const written = this.#written.get(log) ?? 0;
      if (leaseEpoch === undefined || log.lastSeq <= written) return [];
      return [{ log, chunk: { chatId, leaseEpoch, ...log.episode, ...log.suffixAfter(written) } }];
    });
  }
}
