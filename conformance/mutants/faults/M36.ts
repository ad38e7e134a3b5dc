import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M36",
  title: "a user's text that looks like a list is read as one",
  edits: [
    {
      file: "src/protocol/content-version-0.ts",
      find: '      return typeof content === "string" ? readText(content) : readUserParts(expectObjects(content));',
      replace:
        '      if (typeof content === "string" && content.startsWith("["))\n        return readUserParts(expectObjects(JSON.parse(content)));\n      return typeof content === "string" ? readText(content) : readUserParts(expectObjects(content));',
    },
  ],
  kills: ["legacy/user-text-that-looks-like-json"],
  spares: ["lifecycle/get-unknown", "legacy/plain-string-user"],
};
