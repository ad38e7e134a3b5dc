import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M160",
  title: "what signs reasoning is shown as its end",
  edits: [
    {
      file: "src/protocol/to-proto.ts",
      find: 'text: part.text,\n            ...instant("startedAt", part.started_at),',
      replace:
        'text: part.text + String(part.provider_metadata?.["anthropic"]?.["signature"] ?? ""),\n            ...instant("startedAt", part.started_at),',
    },
  ],
  kills: ["redact/unary", "redact/snapshot"],
  spares: ["lifecycle/get-unknown", "order/seq-contiguous"],
};
