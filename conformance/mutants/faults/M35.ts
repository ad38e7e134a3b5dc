import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M35",
  title: "a row that cannot be read fails whatever reads it",
  edits: [
    {
      file: "src/store/chat-rows.ts",
      find: "const content = decodeContent(row.content, row.content_version, row.role);",
      replace:
        "const content = decodeContent(row.content, row.content_version, row.role);\n  if (!content.ok) throw new Error(content.message);",
    },
  ],
  kills: ["legacy/corrupt-row-isolated"],
  spares: ["lifecycle/get-unknown", "legacy/big-integers"],
};
