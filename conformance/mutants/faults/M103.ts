import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M103",
  title: "the model is sent texts without the white space around them, which clients see",
  edits: [
    {
      file: "src/agent/turn.ts",
      find: "history: history.map(({ role, parts, model: author }) => ({ role, parts, model: author })),",
      replace:
        'history: history.map(({ role, parts, model: author }) => ({\n        role,\n        parts: parts.map((part) => (part.type === "text" ? { ...part, text: part.text.trim() } : part)),\n        model: author,\n      })),',
    },
  ],
  kills: ["legacy/read-paths-agree", "legacy/plain-string-system"],
  spares: ["lifecycle/get-unknown", "legacy/plain-string-user"],
};
