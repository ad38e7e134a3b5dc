import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M151",
  title: "a cursor forgets which messages its holder has",
  edits: [
    {
      file: "src/stream/cursor.ts",
      find: "return encodeCursor(chatId, position) === text ? position : undefined;",
      replace:
        "return encodeCursor(chatId, position) === text\n    ? { ...position, told: { ...position.told, messageVersion: 0 } }\n    : undefined;",
    },
  ],
  kills: ["resume/no-duplicate-commit", "resume/idle-chat"],
  spares: ["resume/garbage-cursor", "order/seq-contiguous"],
};
