import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M134",
  title: "an interrupt commits a partial in which there is nothing",
  edits: [
    {
      file: "src/chat/draft.ts",
      find: 'if (partial?.role === "assistant" && partial.parts.length > 0) {',
      replace: 'if (partial?.role === "assistant") {',
    },
  ],
  kills: ["interrupt/before-first-token"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
