import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M93",
  title: "the signature of enveloped reasoning is lost",
  edits: [
    {
      file: "src/protocol/envelope.ts",
      find: ".object({ text: z.string(), ...internal })\n      .transform((reasoning)",
      replace: ".object({ text: z.string() })\n      .transform((reasoning)",
    },
  ],
  kills: ["legacy/enveloped-reasoning"],
  spares: ["lifecycle/get-unknown", "legacy/enveloped-text"],
};
