import type { Chat } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import {
  ChatService,
  type SendMessageResponse,
  type WhenBusy,
} from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { Message } from "../../../src/gen/palaver/chat/v1/message_pb.js";
import type { As } from "../../suite/run/stage.js";
import type { CaseContext } from "../../suite/cases/case-context.js";

/** What cases of all groups do with chats. All of them fail with RpcError: call them within `arrange` or `waitFor`. */

type Users = Pick<CaseContext, "client" | "modelName">;

const { method } = ChatService;

/** A part of text, as calls take it. */
export function textPart(text: string) {
  return { kind: { case: "text" as const, value: { text } } };
}

export interface NewChat extends As {
  readonly dialect?: "openai" | "anthropic";
  /** The text of the first message; none: the chat stays idle. */
  readonly says?: string;
}

/** A new chat of the scripted model. */
export async function createChat(
  { client, modelName }: Users,
  { dialect = "openai", says, ...as }: NewChat = {},
): Promise<Chat> {
  const model = modelName(dialect);
  const { chat } = await client(as).unary(method.createChat, {
    ...(model === undefined ? {} : { model }),
    ...(says === undefined ? {} : { parts: [textPart(says)] }),
  });
  if (chat === undefined) throw new Error("CreateChat answered without a chat");
  return chat;
}

export interface Sending extends As {
  readonly whenBusy?: WhenBusy;
  readonly idempotencyKey?: string;
}

export function send(
  { client }: Pick<CaseContext, "client">,
  chatId: string,
  text: string,
  { whenBusy, idempotencyKey, ...as }: Sending = {},
): Promise<SendMessageResponse> {
  return client(as).unary(method.sendMessage, {
    chatId,
    parts: [textPart(text)],
    ...(whenBusy === undefined ? {} : { whenBusy }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  });
}

export async function getChat(
  { client }: Pick<CaseContext, "client">,
  chatId: string,
  as?: As,
): Promise<Chat> {
  const { chat } = await client(as).unary(method.getChat, { chatId });
  if (chat === undefined) throw new Error("GetChat answered without a chat");
  return chat;
}

/** The whole history, page by page. */
export async function history(
  { client }: Pick<CaseContext, "client">,
  chatId: string,
  as?: As,
): Promise<Message[]> {
  const all: Message[] = [];
  for (let pageToken = ""; ; ) {
    const { messages, nextPageToken } = await client(as).unary(method.listMessages, { chatId, pageToken });
    all.push(...messages);
    if (nextPageToken === "") return all;
    pageToken = nextPageToken;
  }
}

/** All of a message's text parts. */
export function textOf({ parts }: Pick<Message, "parts">): string {
  return parts.map(({ kind }) => (kind.case === "text" ? kind.value.text : "")).join("");
}

/** A history in words that can be compared: role, text, and whether it was interrupted. */
export function told(messages: Iterable<Message>): string[] {
  return [...messages].map((message) => {
    const { role, interrupted } = message;
    return `${roleNames[role] ?? role}${interrupted ? " (interrupted)" : ""}: ${textOf(message)}`;
  });
}

const roleNames: Readonly<Record<number, string>> = { 1: "system", 2: "user", 3: "assistant", 4: "tool" };
