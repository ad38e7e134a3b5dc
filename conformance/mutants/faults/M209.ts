import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M209",
  title: "a retry that becomes known together with a status is told before it",
  edits: [
    {
      file: "src/stream/view-events.ts",
      find: "...(statusMoved ? [statusEvent(chat.status)] : []),",
      replace: "...retryEvent(chat), ...(statusMoved ? [statusEvent(chat.status)] : []),",
    },
    {
      file: "src/stream/view-events.ts",
      find: "...(statusMoved || now.retryVersion > told.retryVersion ? retryEvent(chat) : []),",
      replace: "",
    },
  ],
  kills: ["snapshot/complete-before-live"],
  spares: ["order/seq-contiguous", "resume/idle-chat"],
};
