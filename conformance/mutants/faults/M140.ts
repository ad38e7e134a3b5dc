import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M140",
  title: "a queue event carries what came last, not the whole queue",
  edits: [
    {
      file: "src/stream/stream-event.ts",
      find: "value: { queue: [...queue] }",
      replace: "value: { queue: queue.slice(-1) }",
    },
  ],
  kills: ["queue/event-is-full-list"],
  spares: ["order/seq-contiguous", "queue/busy-enqueues", "queue/delete"],
};
