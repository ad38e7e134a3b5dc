import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M187",
  title: "a takeover begins the attempt of the former owner once more",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: "draft.leaseEpoch += 1;",
      replace:
        "draft.leaseEpoch += 1;\n  draft.generationAttempt = Math.max(0, draft.generationAttempt - 1);",
    },
  ],
  kills: ["owner/takeover-is-new-attempt"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
