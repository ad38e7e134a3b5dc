import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M31",
  title: "somebody else's chat is told to be forbidden",
  edits: [
    {
      file: "src/server/chat-service.ts",
      find: "if (chat === undefined) throw chatNotFound();\n      return { chat: chatToProto(chat) };",
      replace:
        'if (chat === undefined) {\n        const isThere = (await readChat(database, req.chatId, undefined)) !== undefined;\n        throw isThere ? Object.assign(chatNotFound(), { category: "permission_denied" }) : chatNotFound();\n      }\n      return { chat: chatToProto(chat) };',
    },
  ],
  kills: ["auth/foreign-chat"],
  spares: ["auth/cursor-is-no-key", "resume/foreign-cursor"],
};
