import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M165",
  title: "whoever is ended for reading too slowly is not told so",
  edits: [
    {
      file: "src/stream/subscription.ts",
      find: '"resource_exhausted",\n    "SLOW_CONSUMER",',
      replace: '"unavailable",\n    "SHUTTING_DOWN",',
    },
  ],
  kills: ["flow/evicted-can-resume"],
  spares: ["order/seq-contiguous", "resume/idle-chat"],
};
