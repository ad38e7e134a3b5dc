import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M153",
  title: "an unreadable cursor is taken for none",
  edits: [
    {
      file: "src/server/chat-service.ts",
      find: ": decodeCursor(chatId, req.cursor);",
      replace:
        ": (decodeCursor(chatId, req.cursor) ?? { afterMessageId: 0, told: undefined, seen: undefined });",
    },
  ],
  kills: ["resume/garbage-cursor"],
  spares: ["resume/no-duplicate-commit", "order/seq-contiguous"],
};
