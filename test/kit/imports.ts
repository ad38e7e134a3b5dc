import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type { Chat } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import type {
  ImportMessagesRequestSchema,
  ImportProgress,
  ImportResult,
  ImportService,
} from "../../src/gen/palaver/chat/v1/import_service_pb.js";
import type { Message } from "../../src/gen/palaver/chat/v1/message_pb.js";
import type { ChatClient } from "./replica.js";

/** Imports to the end. */
export async function importAll(
  client: Client<typeof ImportService>,
  request: MessageInitShape<typeof ImportMessagesRequestSchema>,
): Promise<{ progress: ImportProgress[]; result: ImportResult }> {
  const progress: ImportProgress[] = [];
  let result: ImportResult | undefined;
  for await (const { event } of client.importMessages(request)) {
    if (result !== undefined) throw new Error("something came after the result");
    if (event.case === "progress") progress.push(event.value);
    if (event.case === "result") result = event.value;
  }
  if (result === undefined) throw new Error("the import ended without a result");
  return { progress, result };
}

/** Imports and returns the new chat. */
export async function importChat(
  client: Client<typeof ImportService>,
  request: MessageInitShape<typeof ImportMessagesRequestSchema>,
): Promise<Chat> {
  const { result } = await importAll(client, request);
  if (result.chat === undefined) throw new Error("the result has no chat");
  return result.chat;
}

/** All messages of a chat. */
export async function listHistory(client: ChatClient, chatId: string): Promise<Message[]> {
  const messages: Message[] = [];
  let pageToken = "";
  do {
    const page = await client.listMessages({ chatId, pageSize: 1_000, pageToken });
    messages.push(...page.messages);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return messages;
}
