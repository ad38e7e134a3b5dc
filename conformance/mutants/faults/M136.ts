import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M136",
  title: "an interrupt empties the queue",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: '  if (phase.status === "running" && !draft.isPending()) {\n    draft.requestInterrupt();',
      replace:
        '  if (phase.status === "running" && !draft.isPending()) {\n    for (const { id } of draft.queue) draft.takeQueued(id);\n    draft.requestInterrupt();',
    },
    {
      file: "src/chat/transition-table.ts",
      find: 'R0: "I0", R1: "I1", I0: "I0", I1: "I1", A0: "W", A1: "U0 U1"',
      replace: 'R0: "I0", R1: "I0", I0: "I0", I1: "I1", A0: "W", A1: "U0 U1"',
    },
  ],
  kills: ["interrupt/keeps-queue"],
  spares: ["order/seq-contiguous", "queue/fifo", "interrupt/partial-committed"],
};
