import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M01",
  title: "the answer to a dial is used although another dial has taken its place",
  edits: [
    {
      file: "src/relay/chat-relay.ts",
      find: 'case "cancelDial":\n',
      replace: 'case "cancelDial":\n        break;\n',
    },
    {
      file: "src/relay/relay-machine.ts",
      find: 'if (state.phase !== "dialling" || state.dialId !== input.dialId) return stay(state, close(input));\n      return stay({ ...state, phase: "connected", episodeOpen: false });',
      replace:
        'if (state.phase === "stopped") return stay(state, close(input));\n      return stay({ target: { workerId: "", url: "" }, failures: 0, ...state, phase: "connected", dialId: input.dialId, episodeOpen: false } as RelayState);',
    },
  ],
  kills: [
    "relay-stale/dial-completes-after-interrupt",
    "relay-stale/dial-completes-after-owner-change",
    "relay-stale/dial-completes-after-edit",
    "relay-stale/dial-completes-after-turn-end",
    "relay-stale/two-pending-latest-wins",
  ],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
