import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M151",
  title: "a cursor forgets which messages its holder has",
  edits: [
    {
      file: "src/stream/cursor.ts",
      find: "messageVersion: BigInt(told.messageVersion),",
      replace: "messageVersion: 0n,",
    },
  ],
  kills: ["resume/no-duplicate-commit", "resume/idle-chat"],
  spares: ["resume/garbage-cursor", "order/seq-contiguous"],
};
