import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M18",
  title: "a worker that hears of an interrupt lets its call to the model go on",
  edits: [
    {
      file: "src/agent/turn-control.ts",
      find: 'if (snapshotVersion > this.#handledVersion) this.#stop("interrupt");',
      replace: "this.#handledVersion = Math.max(this.#handledVersion, snapshotVersion);",
    },
  ],
  kills: ["interrupt/aborts-model-call", "status/interrupting-is-brief"],
  spares: ["order/seq-contiguous", "queue/fifo", "edit/while-running"],
};
