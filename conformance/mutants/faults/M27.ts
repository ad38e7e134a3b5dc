import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M27",
  title: "what a provider wants to see again is dropped before it is stored",
  edits: [
    {
      file: "src/agent/step-assembler.ts",
      find: "part.provider_metadata = merged;",
      replace: "void merged;",
    },
  ],
  kills: ["redact/still-sent-to-model"],
  spares: ["order/seq-contiguous", "resume/idle-chat"],
};
