import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M126",
  title: "a snapshot ends without what is shown of the running step, which follows later",
  edits: [
    {
      file: "src/stream/stream-transitions.ts",
      find: "  if (atAnnounced && isGenerating(told)) {",
      replace: "  if (atAnnounced && isGenerating(told) && isShownAny(preview)) {",
    },
    {
      file: "src/stream/stream-transitions.ts",
      find: "const stored = storedDeltas(checkpoint, told, preview);",
      replace: "const stored = storedDeltas([], told, preview);",
    },
  ],
  kills: ["snapshot/join-mid-episode"],
  spares: ["lifecycle/get-unknown", "order/seq-contiguous"],
};
