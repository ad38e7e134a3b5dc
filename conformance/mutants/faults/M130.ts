import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M130",
  title: "an edit asks whether there is such a message, and nothing more of it",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: '  if (input.targetRole !== "user") return refuse("NOT_A_USER_MESSAGE");\n',
      replace: "",
    },
    {
      file: "src/store/chat-writes.ts",
      find: "select role from messages where chat_id = $1 and id = $2 and hidden_at is null and",
      replace: "select role from messages where chat_id = $1 and id = $2 and",
    },
  ],
  kills: ["edit/only-user-messages", "edit/unknown-message", "edit/concurrent"],
  spares: ["order/seq-contiguous", "edit/truncates-suffix"],
};
