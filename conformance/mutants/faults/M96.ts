import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M96",
  title: "an enveloped call loses the mark that the provider ran it",
  edits: [
    {
      file: "src/protocol/envelope.ts",
      find: "({ input, ...call }): StoredPart",
      replace: "({ input, provider_executed: _, ...call }): StoredPart",
    },
  ],
  kills: ["legacy/provider-executed-tool"],
  spares: ["lifecycle/get-unknown", "legacy/tool-call-string-args"],
};
