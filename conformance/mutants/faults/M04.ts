import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M04",
  title: "after a reconnect an episode is sent from its first delta, and taken as what follows",
  edits: [
    {
      file: "src/relay/episode-feed.ts",
      find: "this.#add(resumed, held.seq);",
      replace: "this.#add(resumed, 0);",
    },
    {
      file: "src/relay/mirror.ts",
      find: "if (same && held.seq === afterSeq) return true;",
      replace: "if (same) return true;",
    },
    {
      file: "src/relay/mirror.ts",
      find: "if (part === undefined || Number(firstSeq) - 1 !== writer?.lastSeq) return this.#broken();",
      replace: "if (part === undefined || writer === undefined) return this.#broken();",
    },
  ],
  kills: ["relay-reconnect/no-duplicate"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
