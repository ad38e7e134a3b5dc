import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M101",
  title: "a part of an unknown kind makes its message unreadable",
  edits: [
    {
      file: "src/protocol/content-version-1.ts",
      find: "if (!isKnownPartType(type)) return [];",
      replace: 'if (!isKnownPartType(type)) throw MalformedContent.element(index, "its type is unknown");',
    },
  ],
  kills: ["legacy/unknown-part-kind"],
  spares: ["lifecycle/get-unknown", "legacy/enveloped-text"],
};
