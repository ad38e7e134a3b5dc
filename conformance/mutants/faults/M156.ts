import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M156",
  title: "what users say is normalised",
  edits: [
    {
      file: "src/protocol/from-proto.ts",
      find: 'return { type: "text", text: part.kind.value.text };',
      replace: 'return { type: "text", text: part.kind.value.text.normalize("NFC") };',
    },
  ],
  kills: ["wire/unary-matrix"],
  spares: ["order/seq-contiguous", "wire/error-matrix"],
};
