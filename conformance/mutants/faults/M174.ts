import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M174",
  title: "after a reconnect a relay goes on with what comes, and not where it broke off",
  edits: [
    {
      file: "src/relay/episode-feed.ts",
      find: "this.#add(resumed, held.seq);",
      replace: "this.#add(resumed, resumed.lastSeq);",
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
  kills: ["relay-reconnect/no-gap"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
