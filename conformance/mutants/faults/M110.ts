import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M110",
  title: "the labels that a chat is created with are lost",
  edits: [
    {
      file: "src/server/chat-service.ts",
      find: "          labels: req.labels,",
      replace: "          labels: {},",
    },
  ],
  kills: ["lifecycle/create-returns-identity"],
  spares: ["lifecycle/malformed-id", "order/seq-contiguous"],
};
