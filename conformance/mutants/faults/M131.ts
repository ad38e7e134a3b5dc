import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M131",
  title: "what an interrupted attempt has generated is not committed",
  edits: [
    {
      file: "src/agent/turn.ts",
      find: 'if (cause === "interrupt") return this.#finishInterrupt(partial);',
      replace: 'if (cause === "interrupt") return this.#finishInterrupt(this.#state.checkpoint);',
    },
    {
      file: "src/agent/turn.ts",
      find: "return this.#finishInterrupt(step ?? this.#state.checkpoint);",
      replace: "return this.#finishInterrupt(this.#state.checkpoint);",
    },
  ],
  kills: ["interrupt/partial-committed", "interrupt/partial-is-prefix", "interrupt/races-completion"],
  spares: ["order/seq-contiguous", "interrupt/before-first-token"],
};
