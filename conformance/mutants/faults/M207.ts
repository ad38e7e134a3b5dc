import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M207",
  title: "a list leaves archived chats out",
  edits: [
    {
      file: "src/store/chat-list-queries.ts",
      find: "where c.owner = $1 and",
      replace: "where c.owner = $1 and not c.archived and",
    },
  ],
  kills: ["status/list-watch-whole-list", "status/list-watch-changes"],
  spares: ["order/seq-contiguous", "edit/only-user-messages"],
};
