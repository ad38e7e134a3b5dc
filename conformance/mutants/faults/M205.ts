import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M205",
  title: "a failed turn is told by its status alone",
  edits: [
    {
      file: "src/stream/view-events.ts",
      find: "    ...(entered ? errorEvent(chat) : []),\n",
      replace: "    ...(entered && chat.retry !== undefined ? errorEvent(chat) : []),\n",
    },
  ],
  kills: ["status/error-has-payload"],
  spares: ["order/seq-contiguous", "lifecycle/get-unknown"],
};
