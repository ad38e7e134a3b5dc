import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M91",
  title: "a user's row that is a plain text cannot be read",
  edits: [
    {
      file: "src/protocol/content-version-0.ts",
      find: 'typeof content === "string" ? readText(content) : readUserParts(expectObjects(content))',
      replace: "readUserParts(expectObjects(content))",
    },
  ],
  kills: ["legacy/plain-string-user"],
  spares: ["lifecycle/get-unknown", "legacy/plain-string-system"],
};
