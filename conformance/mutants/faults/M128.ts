import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M128",
  title: "half of a code point is passed on as it comes",
  edits: [
    {
      file: "src/agent/step-assembler.ts",
      find: "const splits = last >= 0xd800 && last <= 0xdbff;",
      replace: "const splits = last < 0;",
    },
  ],
  kills: ["order/split-code-point"],
  spares: ["lifecycle/concurrent-sends", "order/seq-contiguous"],
};
