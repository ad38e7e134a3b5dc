import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M139",
  title: "the newest message of a queue runs first",
  edits: [
    {
      file: "src/chat/draft.ts",
      find: "const [head, ...rest] = this.queue;",
      replace: "const rest = this.queue.slice(0, -1);\n    const head = this.queue.at(-1);",
    },
  ],
  kills: ["queue/fifo"],
  spares: ["order/seq-contiguous", "queue/busy-enqueues", "interrupt/partial-committed"],
};
