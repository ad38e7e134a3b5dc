import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M171",
  title: "a relay that was left is neither closed nor told from the present one",
  edits: [
    {
      file: "src/relay/chat-relay.ts",
      find: '      case "close":\n        this.#dials.get(output.dialId)?.abort();\n        break;',
      replace:
        '        this.#dials.get(output.dialId)?.abort();\n        break;\n      case "close":\n        break;',
    },
    {
      file: "src/relay/relay-machine.ts",
      find: 'if (state.phase !== "connected" || state.dialId !== dialId) return stay(state);\n  const failures',
      replace: 'if (state.phase !== "connected") return stay(state);\n  const failures',
    },
  ],
  kills: ["relay-stale/old-leg-speaks-late"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
