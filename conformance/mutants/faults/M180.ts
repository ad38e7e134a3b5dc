import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M180",
  title: "a dial that is answered when nobody watches any more is kept",
  edits: [
    {
      file: "src/relay/chat-relay.ts",
      find: 'case "cancelDial":\n',
      replace: 'case "cancelDial":\n        break;\n',
    },
    {
      file: "src/relay/relay-machine.ts",
      find: "return stay(state, close(input));",
      replace: "return stay(state);",
    },
  ],
  kills: ["relay-stale/dial-completes-after-unwatch"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
