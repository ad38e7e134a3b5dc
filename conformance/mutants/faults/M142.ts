import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M142",
  title: "a promoted message goes to the end of the queue",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: "draft.enqueueFirst(item);",
      replace: "draft.enqueue(item);",
    },
  ],
  kills: ["queue/promote"],
  spares: ["order/seq-contiguous", "queue/fifo", "queue/delete"],
};
