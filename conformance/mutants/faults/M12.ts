import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M12",
  title: "a cursor is not bound to its chat",
  edits: [
    {
      file: "src/stream/cursor.ts",
      find: "if (Buffer.compare(cursor.chatId, chatIdBytes(chatId)) !== 0 || !isPossible(cursor)) return undefined;",
      replace: "if (!isPossible(cursor)) return undefined;",
    },
  ],
  kills: ["resume/foreign-cursor", "auth/cursor-is-no-key"],
  spares: ["resume/garbage-cursor", "order/seq-contiguous"],
};
