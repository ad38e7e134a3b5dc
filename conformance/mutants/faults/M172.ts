import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M172",
  title: "a dial that fails late counts as the end of the relay that has taken its place",
  edits: [
    {
      file: "src/relay/chat-relay.ts",
      find: 'case "cancelDial":\n',
      replace: 'case "cancelDial":\n        break;\n',
    },
    {
      file: "src/relay/relay-machine.ts",
      find: 'if (state.phase !== "dialling" || state.dialId !== input.dialId) return stay(state);\n      return redial',
      replace:
        'if (state.phase === "connected" && state.dialId !== input.dialId) return rest(state, release(state));\n      if (state.phase !== "dialling" || state.dialId !== input.dialId) return stay(state);\n      return redial',
    },
    {
      file: "src/relay/peers.ts",
      find: "const dialTimeoutMs = 5_000;",
      replace: "const dialTimeoutMs = 60_000;",
    },
  ],
  kills: ["relay-stale/old-dial-fails-late"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
