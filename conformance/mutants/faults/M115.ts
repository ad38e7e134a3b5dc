import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M115",
  title: "an answer that says nothing is taken for one that was cut off",
  edits: [
    {
      file: "src/agent/model-step.ts",
      find: "complete: assembler.finish !== undefined,",
      replace: "complete: assembler.finish !== undefined && assembler.parts().length > 0,",
    },
  ],
  kills: ["order/empty-turn"],
  spares: ["lifecycle/archive-running-refused", "order/seq-contiguous"],
};
