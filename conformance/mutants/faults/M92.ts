import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M92",
  title: "whatever has data is taken for an envelope",
  edits: [
    {
      file: "src/protocol/envelope.ts",
      find: 'isJsonObject(element["data"])',
      replace: 'element["data"] !== undefined',
    },
  ],
  kills: ["legacy/enveloped-text"],
  spares: ["lifecycle/get-unknown", "legacy/plain-string-user"],
};
