import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M94",
  title: "arguments that are JSON in a text become a JSON string",
  edits: [
    {
      file: "src/protocol/envelope.ts",
      find: 'if (typeof input !== "string") return stringifyExact(input);',
      replace: "return stringifyExact(input as object);",
    },
  ],
  kills: ["legacy/tool-call-string-args"],
  spares: ["lifecycle/get-unknown", "legacy/enveloped-text"],
};
