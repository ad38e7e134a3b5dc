import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M186",
  title: "the chats of a replica that died are its own for ever",
  edits: [
    {
      file: "src/store/chat-locks.ts",
      find: "or c.worker_id <> all (array(select r.id from replicas r",
      replace: "or false and c.worker_id <> all (array(select r.id from replicas r",
    },
  ],
  kills: ["owner/crash-takeover"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
