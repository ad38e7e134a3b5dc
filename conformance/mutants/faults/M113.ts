import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M113",
  title: "an error names no field",
  edits: [
    {
      file: "src/server/rpc-error.ts",
      find: "    fieldViolations: error.fieldViolations,",
      replace: "",
    },
  ],
  kills: ["lifecycle/malformed-id"],
  spares: ["lifecycle/get-unknown", "order/seq-contiguous"],
};
