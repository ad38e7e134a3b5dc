import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M147",
  title: "an edit hides the message alone, and not what follows it",
  edits: [
    {
      file: "src/store/chat-writes.ts",
      find: "where chat_id = $1 and id >= $2 and hidden_at is null",
      replace: "where chat_id = $1 and id = $2 and hidden_at is null",
    },
  ],
  kills: ["edit/truncates-suffix", "edit/prompt-matches"],
  spares: ["order/seq-contiguous", "queue/fifo", "edit/while-running"],
};
