import type { Lease } from "../agent/index.js";
import type { Chats } from "../chat/index.js";
import type { Logger } from "../platform/index.js";

export interface GiveUpDeps {
  readonly chats: Pick<Chats, "readState" | "work">;
  readonly logger: Logger;
  /** False when there is no time left. */
  readonly pause: (ms: number) => Promise<boolean>;
}

const error = { message: "The server failed while it ran this turn.", kind: "generic" as const };

/**
 * A turn that broke off for no reason that we know ends in ERROR: to release it would run it into the same wall again, to keep it
 * would leave it stuck. Tries until the database takes it.
 */
export async function giveUpTurn({ chats, logger, pause }: GiveUpDeps, lease: Lease): Promise<void> {
  const { chatId, fence } = lease;
  for (let failures = 0; ; failures += 1) {
    try {
      const state = await chats.readState(chatId, { withDeltas: true });
      if (state === undefined) return;
      const attempt = { historyVersion: state.versions.history, generationAttempt: state.generationAttempt };
      const outcome = await chats.work(chatId, { type: "Fail", fence, attempt, error });
      if (!("refused" in outcome) || outcome.refused !== "INTERRUPT_REQUESTED") return;
      await chats.work(chatId, { type: "FinishInterrupt", fence, partial: state.checkpoint });
      return;
    } catch (failure) {
      logger.warn({ err: failure, chat_id: chatId }, "a broken turn could not be given up yet");
      if (!(await pause(Math.min(10_000, 100 * 2 ** failures)))) return;
    }
  }
}
