import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M164",
  title: "of deltas that were merged for a slow reader only the first 40,000 characters are told",
  edits: [
    {
      file: "src/stream/delta-run.ts",
      find: "part: this.#whole ? part : withFragmentText(part, text, skipped === 0),",
      replace: "part: this.#whole ? part : withFragmentText(part, text.slice(0, 40_000), skipped === 0),",
    },
  ],
  kills: ["flow/slow-reader-exact-or-told"],
  spares: ["order/seq-contiguous", "resume/mid-episode"],
};
