import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M12",
  title: "a cursor is not bound to its chat",
  edits: [
    {
      file: "src/stream/cursor.ts",
      find: "return encodeCursorText(cursorKind, chatId, packNumbers(",
      replace: 'return encodeCursorText(cursorKind, "", packNumbers(',
    },
    {
      file: "src/stream/cursor.ts",
      find: "const payload = decodeCursorText(cursorKind, chatId, text);",
      replace: 'const payload = decodeCursorText(cursorKind, "", text);',
    },
  ],
  kills: ["resume/foreign-cursor", "auth/cursor-is-no-key"],
  spares: ["resume/garbage-cursor", "order/seq-contiguous"],
};
