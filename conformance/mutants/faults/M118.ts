import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M118",
  title: "what a client asks for is done in whatever state the chat is",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: 'if (cell.startsWith("!")) return',
      replace: 'if (cell.startsWith("!") && input.type === "Acquire") return',
    },
    {
      file: "src/chat/transition.ts",
      find: 'if (next.ok && next.chat !== undefined && !cell.split(" ").includes(classify(next.chat))) {',
      replace:
        'if (fence !== undefined && next.ok && next.chat !== undefined && !cell.split(" ").includes(classify(next.chat))) {',
    },
  ],
  kills: ["lifecycle/archive-blocks-send", "lifecycle/archive-running-refused"],
  spares: ["lifecycle/get-unknown", "order/seq-contiguous"],
};
