import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M202",
  title: "fragments of arguments lose the spaces at their ends",
  edits: [
    {
      file: "src/agent/step-assembler.ts",
      find: "argsDelta: whole.toWellFormed(),",
      replace: "argsDelta: whole.trim(),",
    },
  ],
  kills: ["episode/delta-kinds"],
  spares: ["order/seq-contiguous", "episode/tool-loop-steps"],
};
