import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M100",
  title: "content that is null cannot be read",
  edits: [
    {
      file: "src/protocol/stored-content.ts",
      find: "value === null ? [] : reader.read",
      replace: "reader.read",
    },
  ],
  kills: ["legacy/null-and-empty"],
  spares: ["lifecycle/get-unknown", "legacy/plain-string-user"],
};
