import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { announced } from "../kit/cluster.js";
import { harmlessHint } from "./harmless-hint.js";

export const staleWakeIsNotInterrupt = harmlessHint({
  id: "bus/stale-wake-is-not-interrupt",
  title: "a late word that a chat wants to be run does not stop it when it runs",
  rule: "BUS-4",
  mutant: "M13",
  say: async (context, { running }) => {
    const { PENDING } = ChatStatus;
    const wakes = announced(context, running).filter(
      ({ notification }) => notification?.status?.status === PENDING,
    );
    for (const wake of wakes) await context.bus.repeat(wake);
    // One as old as the chat, where it was taken before anyone was called, and one that claims to be newer than the run.
    const { snapshotVersion = 0n } = announced(context, running).at(-1)?.notification ?? {};
    const forged = [1n, snapshotVersion + 1n];
    for (const version of forged)
      await context.bus.forge(running, {
        chatId: running,
        snapshotVersion: version,
        status: { status: PENDING },
      });
    return wakes.length + forged.length;
  },
});
