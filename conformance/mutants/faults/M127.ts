import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M127",
  title: "a snapshot lacks the first of its messages",
  edits: [
    {
      file: "src/store/chat-queries.ts",
      find: 'viewStatement("select_chat_view", "m.id")',
      replace: 'viewStatement("select_chat_view", "m.id offset 1")',
    },
  ],
  kills: ["order/two-watchers-agree", "snapshot/complete-before-live", "snapshot/limit-and-older"],
  spares: ["lifecycle/get-unknown", "order/seq-contiguous"],
};
