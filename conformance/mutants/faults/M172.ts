import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M172",
  title: "a dial that fails late counts as a refusal by the replica that is relayed from now",
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
        'if (state.phase === "connected" && state.dialId !== input.dialId) {\n        const { lastId, reading, target } = state;\n        return stay({ phase: "refused", lastId, reading, target }, ...release(state));\n      }\n      if (state.phase !== "dialling" || state.dialId !== input.dialId) return stay(state);\n      return redial',
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
