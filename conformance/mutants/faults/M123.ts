import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M123",
  title: "a snapshot tells the newest message first",
  edits: [
    {
      file: "src/store/chat-queries.ts",
      find: "order by m.id)\n          filter (where m.fits)",
      replace: "order by m.id desc)\n          filter (where m.fits)",
    },
  ],
  kills: ["order/call-before-result", "order/user-before-answer"],
  spares: ["lifecycle/get-unknown", "lifecycle/archive-running-refused"],
};
