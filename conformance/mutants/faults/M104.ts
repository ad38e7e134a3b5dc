import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M104",
  title: "a turn writes the old rows that it reads anew",
  edits: [
    {
      file: "src/store/chat-queries.ts",
      find: "  const rows = await db.query<MessageRow>(selectHistory, [chatId]);",
      replace:
        '  await db.query(\n    {\n      name: "upgrade_history",\n      text: "update messages set revision = revision + 1 where chat_id = $1 and content_version < 2",\n    },\n    [chatId],\n  );\n  const rows = await db.query<MessageRow>(selectHistory, [chatId]);',
    },
  ],
  kills: ["legacy/no-rewrite-on-read"],
  spares: ["lifecycle/get-unknown", "legacy/plain-string-system"],
};
