import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M21",
  title: "a worker whose lease has run out neither stops nor is refused what it writes",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: "if (fence !== undefined && !holdsLease(before, fence)) return",
      replace: 'if (fence !== undefined && !holdsLease(before, fence) && input.type !== "CommitStep") return',
    },
    {
      file: "src/chat/transition.ts",
      find: 'if ("attempt" in input && !isCurrentAttempt(chat, input.attempt)) return',
      replace:
        'if ("attempt" in input && !isCurrentAttempt(chat, input.attempt) && input.type !== "CommitStep") return',
    },
    {
      file: "src/worker/worker.ts",
      find: 'all turns are given up");\n    this.#controlAll((control) => control.lose());',
      replace: 'all turns are given up");',
    },
    {
      file: "src/worker/worker.ts",
      find: "if (leaseEpoch !== lease.fence.leaseEpoch) return control.lose();",
      replace: "if (leaseEpoch !== lease.fence.leaseEpoch) return;",
    },
  ],
  kills: ["owner/zombie-cannot-commit"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
