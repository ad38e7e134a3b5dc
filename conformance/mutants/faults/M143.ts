import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M143",
  title: "the queue has a place more than it should",
  edits: [
    {
      file: "src/chat/chat-state.ts",
      find: "export const maxQueueLength = 20;",
      replace: "export const maxQueueLength = 21;",
    },
  ],
  kills: ["queue/limit"],
  spares: ["order/seq-contiguous", "queue/fifo"],
};
