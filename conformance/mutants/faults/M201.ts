import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M201",
  title: "attempts are counted on when the history changes",
  edits: [
    {
      file: "src/chat/draft.ts",
      find: "generationAttempt: touched.history ? 0 : this.generationAttempt,",
      replace: "generationAttempt: this.generationAttempt,",
    },
  ],
  kills: ["episode/history-change-new-episode", "episode/tool-loop-steps"],
  spares: ["order/seq-contiguous", "edit/keeps-prefix"],
};
