import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M189",
  title: "whoever takes a chat over goes on with the turn, though it was to be interrupted",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: "draft.leaseEpoch += 1;",
      replace:
        'draft.leaseEpoch += 1;\n  draft.phase = { status: "running", owner: undefined, retry: phase.status === "running" ? phase.retry : undefined };',
    },
    {
      file: "src/chat/transition-table.ts",
      find: 'I0: "I0", I1: "I1", A0: "!NOT_ACQUIRABLE"',
      replace: 'I0: "R0", I1: "R1", A0: "!NOT_ACQUIRABLE"',
    },
  ],
  kills: ["owner/interrupt-while-unowned"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
