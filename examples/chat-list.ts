// Prints the list of chats whenever it changes.
//
//   npx tsx examples/chat-list.ts
import { createConnectTransport } from "@connectrpc/connect-node";
import {
  ChatStatus,
  createChatListView,
  createPalaverClient,
  reduceChatList,
  watchChats,
} from "palaver/client";

const baseUrl = process.env["PALAVER_URL"] ?? "http://127.0.0.1:7717";
const client = createPalaverClient({ transport: createConnectTransport({ baseUrl, httpVersion: "1.1" }) });
const leave = new AbortController();
process.once("SIGINT", () => leave.abort());

let list = createChatListView();
for await (const item of watchChats(client, { signal: leave.signal })) {
  const before = list;
  list = reduceChatList(list, item);
  if (!list.caughtUp || (before.caughtUp && list.chats === before.chats)) continue;
  console.log(`${list.chats.length} chats`);
  for (const { title, status } of list.chats) console.log(`  ${title} (${ChatStatus[status]})`);
}
