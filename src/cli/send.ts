import type { CallOptions } from "@connectrpc/connect";
import type { Chat } from "../gen/palaver/chat/v1/chat_pb.js";
import { type SendMessageResponse, WhenBusy } from "../gen/palaver/chat/v1/chat_service_pb.js";
import type { Random } from "../platform/index.js";
import { CliError, usageError } from "./cli-error.js";
import type { Connection } from "./connection.js";
import { type Input, readAll } from "./terminal.js";

/** What `--when-busy` takes. */
export const whenBusyChoices = ["queue", "interrupt", "reject"] as const;
export type WhenBusyChoice = (typeof whenBusyChoices)[number];

const whenBusyOf: Record<WhenBusyChoice, WhenBusy> = {
  queue: WhenBusy.QUEUE,
  interrupt: WhenBusy.INTERRUPT,
  reject: WhenBusy.REJECT,
};

export interface Sending {
  readonly text: string;
  /** "provider/model"; the chat's when absent. */
  readonly model?: string | undefined;
  readonly whenBusy?: WhenBusyChoice | undefined;
}

interface CallDeps {
  readonly random: Random;
  /** Gives up waiting for the answer; what was asked for may happen nevertheless. */
  readonly signal?: AbortSignal | undefined;
}

function callOptions(signal: AbortSignal | undefined): CallOptions {
  return signal === undefined ? {} : { signal };
}

/** Sends a user message to a chat. Each call is one message, however often the network repeats it. */
export function sendMessage(
  { chats }: Connection,
  chatId: string,
  { text, model = "", whenBusy = "queue" }: Sending,
  { random, signal }: CallDeps,
): Promise<SendMessageResponse> {
  const idempotencyKey = random.uuid();
  const request = { chatId, parts: [textPart(text)], model, whenBusy: whenBusyOf[whenBusy], idempotencyKey };
  return chats.sendMessage(request, callOptions(signal));
}

/** Creates a chat with its first user message; its turn starts at once. */
export async function createChat(
  { chats }: Connection,
  { text, model = "" }: Sending,
  { random, signal }: CallDeps,
): Promise<{ chat: Chat; lastMessageId: bigint }> {
  const request = { parts: [textPart(text)], model, idempotencyKey: random.uuid() };
  const { chat, messages } = await chats.createChat(request, callOptions(signal));
  return { chat: present(chat), lastMessageId: messages.at(-1)?.id ?? 0n };
}

function textPart(text: string) {
  return { kind: { case: "text" as const, value: { text } } };
}

/** A field that every server has to set. */
export function present<T>(value: T | undefined): T {
  if (value === undefined)
    throw new CliError("The server left out what it has to answer.", { reason: "UNEXPECTED_ANSWER" });
  return value;
}

/** The words of a message: those given, or all of standard input for `-`. */
export async function messageText(given: string, stdin: Input): Promise<string> {
  const text = given === "-" ? (await readAll(stdin)).trimEnd() : given;
  if (text.trim() === "")
    throw usageError("There is nothing to send.", "Pass the text, or - to read it from standard input.");
  return text;
}
