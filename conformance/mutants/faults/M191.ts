import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M191",
  title: "nobody is told that an attempt has begun, though a version advances",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: 'draft.setRetry(undefined);\n      return draft.done();\n    case "RecordRetry":',
      replace:
        'draft.setRetry(undefined);\n      return { ...draft.done(), notify: false };\n    case "RecordRetry":',
    },
  ],
  kills: ["bus/every-transition-notified"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
