import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M178",
  title: "while a redial is due nothing that is heard counts, and then the former owner is dialled",
  edits: [
    {
      file: "src/relay/relay-machine.ts",
      find: 'if (state.phase === "stopped") return false;',
      replace: 'if (state.phase === "stopped" || state.phase === "waiting") return false;',
    },
    {
      file: "src/relay/relay-machine.ts",
      find: "return look({ ...state, timerId: undefined });",
      replace: "return dial(state, state.target, state.failures, []);",
    },
  ],
  kills: ["relay-reconnect/redial-fresh-owner"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
