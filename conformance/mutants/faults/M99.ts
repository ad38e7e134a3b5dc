import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M99",
  title: "an import puts old rows before newer ones",
  edits: [
    {
      file: "src/server/import-service.ts",
      find: "of stored.entries()) {",
      replace: "of [...stored].sort((a, b) => a.contentVersion - b.contentVersion).entries()) {",
    },
  ],
  kills: ["legacy/mixed-in-one-chat"],
  spares: ["lifecycle/get-unknown", "auth/every-rpc"],
};
