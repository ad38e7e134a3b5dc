import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M07",
  title: "the end of a relay's transport is taken for the end of its episode",
  edits: [
    {
      file: "src/relay/relay-machine.ts",
      find: 'return redial(state, input);\n    case "timer"',
      replace: 'return redial(state, { refused: true });\n    case "timer"',
    },
  ],
  kills: ["relay-reconnect/eof-is-not-completion"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
