import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M133",
  title: "a partial is committed twice",
  edits: [
    {
      file: "src/chat/draft.ts",
      find: "      this.insertStep({ ...partial, parts: closeProviderCalls(partial.parts, why) }, true);\n",
      replace:
        "      for (const again of [partial, partial]) this.insertStep({ ...again, parts: closeProviderCalls(again.parts, why) }, true);\n",
    },
  ],
  kills: ["interrupt/twice", "interrupt/partial-committed"],
  spares: ["order/seq-contiguous", "interrupt/before-first-token", "queue/fifo"],
};
