import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M206",
  title: "a list shows everybody's chats",
  edits: [
    {
      file: "src/store/chat-list-queries.ts",
      find: "where c.owner = $1 and",
      replace: "where (c.owner = $1 or true) and",
    },
  ],
  kills: ["status/list-watch-own-only"],
  spares: ["order/seq-contiguous", "edit/only-user-messages"],
};
