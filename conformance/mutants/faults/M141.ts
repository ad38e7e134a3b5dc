import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M141",
  title: "a message that is removed from the queue stays in it",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: "return draft.takeQueued(input.queueId) === undefined",
      replace: "return !draft.queue.some((queued) => queued.id === input.queueId)",
    },
  ],
  kills: ["queue/delete"],
  spares: ["order/seq-contiguous", "queue/fifo", "queue/promote"],
};
