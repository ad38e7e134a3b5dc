import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { subjectOf } from "../../surroundings/bus/bus-observer.js";
import { harmlessHint } from "./harmless-hint.js";

const nobody = "00000000-0000-4000-8000-000000000000";

export const forgedHintHarmless = harmlessHint({
  id: "bus/forged-hint-harmless",
  title: "notifications that the store contradicts, and garbage, cause no event",
  rule: "BUS-4",
  mutant: "M14",
  say: async ({ bus, random }, chats) => {
    const { WAITING, RUNNING, INTERRUPTING, ERROR } = ChatStatus;
    let said = 0;
    for (const [chatId, other] of [
      [chats.idle, chats.running],
      [chats.running, chats.idle],
    ] as const) {
      for (const status of [RUNNING, INTERRUPTING, ERROR, WAITING]) {
        const versions = { snapshotVersion: 1_000n, historyVersion: 999n, queueVersion: 998n };
        const claim = { ...versions, generationAttempt: 7, status: { status, workerId: nobody } };
        await bus.forge(chatId, { chatId, ...claim, replicaUrl: "http://127.0.0.1:1" });
        await bus.forge(chatId, { chatId: other, ...claim });
        said += 2;
      }
      for (const garbage of [
        new Uint8Array(),
        new TextEncoder().encode(random.nonce()),
        new Uint8Array(100_000),
      ])
        await bus.inject(subjectOf(chatId), garbage);
    }
    return said;
  },
});
