import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M197",
  title: "a worker takes a notification without a status to say that nobody runs the chat",
  edits: [
    {
      file: "src/worker/worker.ts",
      find: "void this.#check(lease, control);",
      replace:
        "if (notification !== undefined && status === undefined) return control.lose();\n    void this.#check(lease, control);",
    },
  ],
  kills: ["bus/older-payload"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
