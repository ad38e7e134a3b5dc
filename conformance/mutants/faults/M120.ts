import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M120",
  title: "a change of the metadata counts as a change of the history",
  edits: [
    {
      file: "src/chat/transition.ts",
      find: "if (input.model !== undefined) draft.model = input.model;",
      replace:
        "if (input.model !== undefined) draft.model = input.model;\n      draft.touched.history = true;",
    },
  ],
  kills: ["lifecycle/metadata-not-history"],
  spares: ["lifecycle/get-unknown", "order/seq-contiguous"],
};
