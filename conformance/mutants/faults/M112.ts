import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M112",
  title: "a chat that does not exist has an empty history",
  edits: [
    {
      file: "src/server/chat-service.ts",
      find: "if ((await readChat(database, req.chatId, owner)) === undefined) throw chatNotFound();\n      const boundTo",
      replace: "const boundTo",
    },
  ],
  kills: ["lifecycle/get-unknown"],
  spares: ["lifecycle/malformed-id", "order/seq-contiguous"],
};
