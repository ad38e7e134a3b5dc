import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M196",
  title: "a replica that has no bus fails the calls whose changes it cannot announce",
  edits: [
    {
      file: "src/bus/nats-bus.ts",
      find: "const runnable = mayBeRunnable(notification);",
      replace:
        'if (!this.#outbox.isOpen) throw new Error("there is no connection to NATS");\n    const runnable = mayBeRunnable(notification);',
    },
  ],
  kills: ["bus/outage-and-back"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
