import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M175",
  title: "redials come at once",
  edits: [
    {
      file: "src/relay/relay-machine.ts",
      find: "const firstRedialMs = 500;",
      replace: "const firstRedialMs = 1;",
    },
  ],
  kills: ["relay-reconnect/flapping"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
