import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M90",
  title: "plain texts of older systems lose the white space around them",
  edits: [
    {
      file: "src/protocol/content-version-0.ts",
      find: '[{ type: "text", text: content }]',
      replace: '[{ type: "text", text: content.trim() }]',
    },
  ],
  kills: ["legacy/plain-string-system"],
  spares: ["lifecycle/get-unknown", "legacy/user-text-that-looks-like-json"],
};
