import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M179",
  title: "a new relay begins with what comes, and not with the first delta",
  edits: [
    {
      file: "src/relay/episode-feed.ts",
      find: "this.#add(current, 0);",
      replace: "this.#add(current, current.lastSeq);",
    },
    {
      file: "src/relay/mirror.ts",
      find: "if (afterSeq !== 0) return this.#broken();",
      replace: "",
    },
    {
      file: "src/relay/mirror.ts",
      find: "if (part === undefined || Number(firstSeq) - 1 !== writer?.lastSeq) return this.#broken();",
      replace: "if (part === undefined || writer === undefined) return this.#broken();",
    },
  ],
  kills: ["snapshot/join-mid-episode-remote"],
  spares: ["order/seq-contiguous"],
};
