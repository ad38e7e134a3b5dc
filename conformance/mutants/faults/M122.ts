import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M122",
  title: "what is committed is tidied up: texts are trimmed, and calls stand at the end",
  edits: [
    {
      file: "src/agent/step-assembler.ts",
      find: "return placeResults(this.#blocks.filter((block) => !isEmptyText(block)).map((block) => block.part));",
      replace:
        'const parts = this.#blocks\n      .filter((block) => !isEmptyText(block))\n      .map(({ part }) => (part.type === "text" ? { ...part, text: part.text.trim() } : part));\n    return placeResults(parts.sort((a, b) => Number(a.type === "tool-call") - Number(b.type === "tool-call")));',
    },
  ],
  kills: ["order/block-order", "order/commit-equals-parts"],
  spares: ["lifecycle/get-unknown", "lifecycle/concurrent-sends"],
};
