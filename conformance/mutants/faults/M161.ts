import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M161",
  title: "what signs reasoning streams as its last fragment",
  edits: [
    {
      file: "src/agent/step-assembler.ts",
      find: "return appendText(block, rest);",
      replace:
        'const signature = block.part.provider_metadata?.["anthropic"]?.["signature"];\n    const shown = appendText(block, rest);\n    if (typeof signature !== "string") return shown;\n    return [...shown, { block: block.number, part: partToProto({ type: "reasoning", text: signature }) }];',
    },
  ],
  kills: ["redact/live-parts"],
  spares: ["lifecycle/get-unknown", "order/seq-contiguous"],
};
