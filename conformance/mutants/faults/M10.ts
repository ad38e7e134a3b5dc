import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M10",
  title: "what was read for the snapshot is read again for what comes live",
  edits: [
    {
      file: "src/stream/stream-transitions.ts",
      find: "sinceVersion: throughId > 0 ? 0 : (told?.messageVersion ?? 0),",
      replace: "sinceVersion: 0,",
    },
  ],
  kills: ["snapshot/not-sent-twice"],
  spares: ["lifecycle/create-returns-identity"],
};
