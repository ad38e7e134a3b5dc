import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M138",
  title: "a message to a busy chat interrupts it where its sender asked for nothing",
  edits: [
    {
      file: "src/server/chat-service.ts",
      find: '[WhenBusy.UNSPECIFIED]: "queue",',
      replace: '[WhenBusy.UNSPECIFIED]: "interrupt",',
    },
  ],
  kills: ["queue/busy-enqueues"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed", "edit/truncates-suffix"],
};
