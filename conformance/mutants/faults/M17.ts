import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M17",
  title: "an interrupted turn takes the queue's head into the history before its partial",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: '      draft.commitPartial("interrupted");\n      draft.promoteHeadOrWait();\n      return draft.done();\n    case "ExpireAction"',
      replace:
        '      draft.promoteHeadOrWait();\n      draft.commitPartial("interrupted");\n      return draft.done();\n    case "ExpireAction"',
    },
  ],
  kills: ["interrupt/send-with-interrupt-order"],
  spares: ["order/seq-contiguous", "queue/fifo", "interrupt/partial-committed"],
};
