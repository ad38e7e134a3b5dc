import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M03",
  title: "a relay that dropped or could not be dialled is not dialled again",
  edits: [
    {
      file: "src/relay/relay-machine.ts",
      find: 'return refused ? stay({ phase: "refused", lastId, reading, target }) : wait(state, target, failures);',
      replace: 'return stay({ phase: "refused", lastId, reading, target });',
    },
  ],
  kills: ["relay-reconnect/drop-mid-episode-recovers", "relay-reconnect/drop-before-first-part"],
  spares: ["order/seq-contiguous", "relay-stale/same-owner-next-episode"],
};
