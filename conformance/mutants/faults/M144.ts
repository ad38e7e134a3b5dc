import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M144",
  title: "a failed turn goes on with the queue",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: '      draft.phase = { status: "error", error: input.error };',
      replace:
        '      if (draft.queue.length > 0) draft.promoteHeadOrWait();\n      else draft.phase = { status: "error", error: input.error };',
    },
    {
      file: "src/chat/transition-table.ts",
      find: 'Fail:              { ...runningOnly, R0: "E0", R1: "E1" },',
      replace: 'Fail:              { ...runningOnly, R0: "E0", R1: "R0 R1" },',
    },
  ],
  kills: ["queue/error-holds"],
  spares: ["order/seq-contiguous", "queue/fifo", "status/error-has-payload"],
};
