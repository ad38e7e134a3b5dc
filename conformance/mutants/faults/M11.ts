import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M11",
  title: "the deltas that a cursor has are told again to whoever comes back, also those of a committed step",
  edits: [
    {
      file: "src/stream/cursor.ts",
      find: "return encodeCursor(chatId, position) === text ? position : undefined;",
      replace:
        "return encodeCursor(chatId, position) === text\n    ? { ...position, seen: position.seen && { ...position.seen, lastSeq: 0 } }\n    : undefined;",
    },
    {
      file: "src/stream/emissions.ts",
      find: 'if (kind === "previewReset" || (kind === "message" && committed)) seen = undefined;',
      replace: 'if (kind === "previewReset" || (kind === "message" && committed && false)) seen = undefined;',
    },
  ],
  kills: ["resume/committed-parts-not-replayed"],
  spares: ["resume/garbage-cursor", "order/seq-contiguous"],
};
