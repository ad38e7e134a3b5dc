import type { Fault } from "../fault.js";

export const fault: Fault = {
  id: "M114",
  title: "a page token of the list of chats is how many chats were listed",
  edits: [
    {
      file: "src/server/chat-service.ts",
      find: "const after = decodePageToken<ChatListPosition>(req.pageToken, boundTo, chatListPosition);",
      replace: "const listed = Math.trunc(Number(req.pageToken)) || 0;",
    },
    {
      file: "src/server/chat-service.ts",
      find: "const found = await listChats(database, owner, { filter, after, limit: limit + 1 });",
      replace:
        "const all = await listChats(database, owner, { filter, after: undefined, limit: listed + limit + 1 });\n      const found = all.slice(listed);",
    },
    {
      file: "src/server/chat-service.ts",
      find: "encodePageToken(page.at(-1)?.position, boundTo)",
      replace: "String(listed + limit)",
    },
  ],
  kills: ["lifecycle/list-stable-pages", "lifecycle/page-token-tampered"],
  spares: ["lifecycle/get-unknown", "order/seq-contiguous"],
};
