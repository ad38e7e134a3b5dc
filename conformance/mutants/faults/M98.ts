import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M98",
  title: "an enveloped source loses its id",
  edits: [
    {
      file: "src/protocol/envelope.ts",
      find: "url, source_id: id, ...source",
      replace: "url, ...source",
    },
  ],
  kills: ["legacy/source-citation"],
  spares: ["lifecycle/get-unknown", "legacy/enveloped-text"],
};
