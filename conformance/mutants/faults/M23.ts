import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M23",
  title: "a new attempt leaves what the one before has shown",
  edits: [
    {
      file: "src/stream/view-events.ts",
      find: "    ...(resetPreview ? [previewReset] : []),\n",
      replace: "",
    },
    {
      file: "src/stream/view-events.ts",
      find: "    ...(newAttempt || retryOver ? [previewReset] : []),\n",
      replace: "",
    },
  ],
  kills: ["episode/new-attempt-resets"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
