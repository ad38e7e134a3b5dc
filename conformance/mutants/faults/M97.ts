import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M97",
  title: "a file that has an id comes with its bytes if they are there",
  edits: [
    {
      file: "src/protocol/to-proto.ts",
      find: "if (fileId !== undefined) return",
      replace: "if (fileId !== undefined && data === undefined) return",
    },
  ],
  kills: ["legacy/file-reference"],
  spares: ["lifecycle/get-unknown", "legacy/source-citation"],
};
