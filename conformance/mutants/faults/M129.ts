import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M129",
  title: "a snapshot has what an edit has hidden",
  edits: [
    {
      file: "src/store/chat-queries.ts",
      find: "where m.chat_id = c.id and m.hidden_at is null and m.visibility <> 'model'",
      replace: "where m.chat_id = c.id and m.visibility <> 'model'",
    },
  ],
  kills: ["snapshot/truncated-absent"],
  spares: ["lifecycle/get-unknown", "order/seq-contiguous"],
};
