import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M102",
  title: "numbers in results of older systems are rounded as doubles",
  edits: [
    {
      file: "src/protocol/legacy-fields.ts",
      find: "stringifyExact(value ?? null));",
      replace: "JSON.stringify(JSON.parse(stringifyExact(value ?? null))));",
    },
  ],
  kills: ["legacy/big-integers"],
  spares: ["lifecycle/get-unknown", "legacy/tool-call-string-args"],
};
