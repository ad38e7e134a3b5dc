import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M150",
  title: "a cursor forgets which deltas its holder has",
  edits: [
    {
      file: "src/stream/cursor.ts",
      find: "return encodeCursor(chatId, position) === text ? position : undefined;",
      replace:
        "return encodeCursor(chatId, position) === text ? { ...position, seen: undefined } : undefined;",
    },
  ],
  kills: ["resume/every-cursor", "resume/mid-episode"],
  spares: ["resume/no-duplicate-commit", "order/seq-contiguous"],
};
