import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M132",
  title: "an idle chat accepts an interrupt",
  edits: [
    {
      file: "src/chat/transition-table.ts",
      find: 'Interrupt:         { W: "!NOT_RUNNING",',
      replace: 'Interrupt:         { W: "W",',
    },
  ],
  kills: ["interrupt/idle-refused"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
