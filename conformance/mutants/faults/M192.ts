import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M192",
  title: "the subject of a chat has its id in capitals",
  edits: [
    {
      file: "src/bus/subjects.ts",
      find: "`${prefix}.chat.${chatId}.notify` : undefined",
      replace: "`${prefix}.chat.${chatId.toUpperCase()}.notify` : undefined",
    },
  ],
  kills: ["bus/subject-scheme"],
  spares: ["order/seq-contiguous", "interrupt/partial-committed"],
};
