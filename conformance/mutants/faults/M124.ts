import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M124",
  title: "a subscription reads the chat first, and a little later what was said in it",
  edits: [
    {
      file: "src/server/chat-reader.ts",
      find: "type Owner, readChatView }",
      replace: "type Owner, readChat, readChatView }",
    },
    {
      file: "src/server/chat-reader.ts",
      find: "  const view = await readChatView(database, chatId, owner, options);",
      replace:
        "  const before = await readChat(database, chatId, owner);\n  await new Promise((resolve) => setTimeout(resolve, 300));\n  const view = await readChatView(database, chatId, owner, options);",
    },
    {
      file: "src/server/chat-reader.ts",
      find: "  return view && viewOf(view);",
      replace:
        "  const { metadataVersion = 0 } = before ?? {};\n  return view && before && { ...viewOf(view), chat: chatToProto(before), metadataVersion };",
    },
  ],
  kills: ["snapshot/one-cut"],
  spares: ["lifecycle/get-unknown", "lifecycle/list-stable-pages"],
};
