import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M148",
  title: "an edit hides one message too many",
  edits: [
    {
      file: "src/chat/draft.ts",
      find: "this.#hiddenFrom = messageId;",
      replace: "this.#hiddenFrom = messageId - 1;",
    },
  ],
  kills: ["edit/keeps-prefix"],
  spares: ["order/seq-contiguous", "queue/fifo", "edit/truncates-suffix"],
};
