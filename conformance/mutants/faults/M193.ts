import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M193",
  title: "a notification has the chat's title in it",
  edits: [
    {
      file: "src/chat/notification.ts",
      find: "generationAttempt: chat.generationAttempt,",
      replace:
        'generationAttempt: chat.generationAttempt,\n    replicaUrl: (chat as { title?: string }).title ?? "",',
    },
  ],
  kills: ["bus/payload-schema"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
