import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M95",
  title: "of a row with several bare results only the first is read",
  edits: [
    {
      file: "src/protocol/content-version-0.ts",
      find: "return elements.map(readBareRow);",
      replace: "return elements.slice(0, 1).map(readBareRow);",
    },
  ],
  kills: ["legacy/tool-result-row"],
  spares: ["lifecycle/get-unknown", "legacy/provider-executed-tool"],
};
