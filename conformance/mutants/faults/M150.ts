import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M150",
  title: "a cursor forgets which deltas its holder has",
  edits: [
    {
      file: "src/stream/cursor.ts",
      find: "seenSeq: BigInt(seen?.lastSeq ?? 0),",
      replace: "seenSeq: 0n,",
    },
  ],
  kills: ["resume/every-cursor", "resume/mid-episode"],
  spares: ["resume/no-duplicate-commit", "order/seq-contiguous"],
};
