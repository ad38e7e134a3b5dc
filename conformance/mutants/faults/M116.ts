import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M116",
  title: "a list of messages ends before the newest",
  edits: [
    {
      file: "src/store/chat-queries.ts",
      find: "and m.id > $3 and m.hidden_at is null",
      replace: "and m.id > $3 and m.id < c.last_message_id and m.hidden_at is null",
    },
  ],
  kills: ["lifecycle/send-visible-after-ack", "lifecycle/send-visible-other-replica"],
  spares: ["lifecycle/get-unknown", "order/seq-contiguous"],
};
