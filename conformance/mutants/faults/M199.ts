import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M199",
  title: "a cursor is of use only in the process that made it",
  edits: [
    {
      file: "src/stream/cursor.ts",
      find: "return encodeCursorText(cursorKind, toBinary(StreamCursorSchema, cursor));",
      replace:
        "return `${encodeCursorText(cursorKind, toBinary(StreamCursorSchema, cursor))}.${process.pid}`;",
    },
    {
      file: "src/stream/cursor.ts",
      find: "const payload = decodeCursorText(cursorKind, text);",
      replace:
        'const [content = "", maker] = text.split(".");\n  const payload = maker === String(process.pid) ? decodeCursorText(cursorKind, content) : undefined;',
    },
  ],
  kills: ["resume/other-replica", "resume/after-restart"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
