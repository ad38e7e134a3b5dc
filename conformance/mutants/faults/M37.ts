import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M37",
  title: "content of a newer version is read as if it were of the newest that is known",
  edits: [
    {
      file: "src/protocol/stored-content.ts",
      find: "const reader = readers.get(version);",
      replace: "const reader = readers.get(Math.min(version, contentVersion));",
    },
  ],
  kills: ["legacy/future-version-refused"],
  spares: ["lifecycle/get-unknown", "legacy/plain-string-user"],
};
