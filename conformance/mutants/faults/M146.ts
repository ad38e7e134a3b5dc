import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M146",
  title: "a message that has waited is answered by the model of the chat, and nobody has said it",
  edits: [
    {
      file: "src/chat/draft.ts",
      find: "    this.say(head);",
      replace: '    this.say({ ...head, model: this.model, author: "" });',
    },
  ],
  kills: ["queue/keeps-attributes"],
  spares: ["order/seq-contiguous", "queue/fifo"],
};
