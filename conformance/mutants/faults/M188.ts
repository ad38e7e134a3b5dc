import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M188",
  title: "a replica that stops in the middle of a step fails the turn instead of handing it over",
  edits: [
    {
      file: "src/agent/turn.ts",
      find: "if (partial.parts.length > 0) {\n      const shown",
      replace:
        'if (partial.parts.length > 0)\n      return this.#fail({ message: "The server was stopped.", kind: "generic" });\n    if (partial.parts.length > 0) {\n      const shown',
    },
  ],
  kills: ["owner/graceful-handover"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
