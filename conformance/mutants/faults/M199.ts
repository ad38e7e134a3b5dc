import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M199",
  title: "a cursor is of use only in the process that made it",
  edits: [
    {
      file: "src/stream/cursor.ts",
      find: "return encodeCursorText(cursorKind, chatId, packNumbers(",
      replace: "return encodeCursorText(cursorKind, `${chatId}.${process.pid}`, packNumbers(",
    },
    {
      file: "src/stream/cursor.ts",
      find: "const payload = decodeCursorText(cursorKind, chatId, text);",
      replace: "const payload = decodeCursorText(cursorKind, `${chatId}.${process.pid}`, text);",
    },
  ],
  kills: ["resume/other-replica", "resume/after-restart"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
