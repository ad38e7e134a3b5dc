import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M204",
  title: "every change of a chat tells its status",
  edits: [
    {
      file: "src/stream/view-events.ts",
      find: "...(statusMoved ? [statusEvent(chat.status)] : []),",
      replace: "...(opening ? [] : [statusEvent(chat.status)]),",
    },
  ],
  kills: ["status/once-per-change", "status/one-terminal-per-turn"],
  spares: ["edit/only-user-messages", "status/list-watch-own-only"],
};
