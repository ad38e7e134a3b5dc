import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M08",
  title: "the deltas of a step are forgotten with its commit",
  edits: [
    {
      file: "src/stream/delta-log.ts",
      find: 'if (state.type !== "closed" || state.outcome === "discarded" || log.lastSeq === 0) return log.forget();',
      replace: 'if (state.type === "closed") return log.forget();',
    },
  ],
  kills: ["episode/late-watcher-grace"],
  spares: ["order/seq-contiguous"],
};
