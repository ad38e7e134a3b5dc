import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M117",
  title: "numbers of queued messages are given out again",
  edits: [
    {
      file: "src/chat/draft.ts",
      find: "      lastQueueId: this.#lastQueueId,",
      replace: "      lastQueueId: this.before.lastQueueId,",
    },
  ],
  kills: ["lifecycle/concurrent-sends"],
  spares: ["lifecycle/archive-running-refused", "order/seq-contiguous"],
};
