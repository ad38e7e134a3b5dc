import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M145",
  title: "a message to a chat in error overtakes the held queue",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: "if (idle && draft.queue.length === 0) {",
      replace: "if (idle) {",
    },
  ],
  kills: ["queue/send-after-error"],
  spares: ["order/seq-contiguous", "queue/fifo", "queue/error-holds"],
};
