import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M20",
  title: "an edit neither empties the queue nor tells watchers to forget the history",
  edits: [
    {
      file: "src/chat/draft.ts",
      find: "    this.touched.reset = true;\n    if (this.queue.length > 0) this.#setQueue([]);\n",
      replace: "",
    },
    {
      file: "src/chat/transition-table.ts",
      find: 'Edit:              { W: "U0", E0: "U0", E1: "U0", U0: "U0", U1: "U0", R0: "U0", R1: "U0", I0: "U0", I1: "U0", A0: "U0", A1: "U0",',
      replace:
        'Edit:              { W: "U0", E0: "U0", E1: "U1", U0: "U0", U1: "U1", R0: "U0", R1: "U1", I0: "U0", I1: "U1", A0: "U0", A1: "U1",',
    },
  ],
  kills: ["edit/reset-before-resend", "edit/clears-queue"],
  spares: ["order/seq-contiguous", "queue/fifo", "interrupt/keeps-queue"],
};
