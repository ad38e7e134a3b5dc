import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M19",
  title: "an interrupt forgets open calls instead of closing them",
  edits: [
    {
      file: "src/chat/draft.ts",
      find: 'this.insertStep({ role: "tool", parts }, why === "interrupted");',
      replace: "this.openCalls = parts.slice(parts.length);",
    },
  ],
  kills: ["interrupt/pending-tool-calls"],
  spares: ["order/seq-contiguous", "episode/tool-loop-steps", "interrupt/partial-committed"],
};
