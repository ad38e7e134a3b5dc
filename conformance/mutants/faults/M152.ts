import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M152",
  title: "whoever comes back is not told that the history was rewritten meanwhile",
  edits: [
    {
      file: "src/stream/stream-machine.ts",
      find: "return { state, outputs: [fetch(1, state, { withCheckpoint: true })] };",
      replace:
        "return {\n    state,\n    outputs: [\n      { ...fetch(1, state, { withCheckpoint: true }), resetSinceVersion: Number.MAX_SAFE_INTEGER } as StreamOutput,\n    ],\n  };",
    },
  ],
  kills: ["resume/cursor-before-edit"],
  spares: ["resume/no-duplicate-commit", "order/seq-contiguous"],
};
