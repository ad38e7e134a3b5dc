import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M176",
  title: "peers are not pinged",
  edits: [
    {
      file: "src/relay/peer-sessions.ts",
      find: "pingIntervalMs = 5000,",
      replace: "pingIntervalMs = 1_000_000,",
    },
  ],
  kills: ["relay-reconnect/black-hole"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
