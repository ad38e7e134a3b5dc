import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M22",
  title: "a message that is promoted stays in the queue, for whoever promotes it as well",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: "const item = draft.takeQueued(queueId);",
      replace: "const item = draft.queue.find((queued) => queued.id === queueId);",
    },
  ],
  kills: ["queue/promoted-once"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
