import type { MessageInitShape } from "@bufbuild/protobuf";
import * as client from "../client/index.js";
import type { Chat } from "../gen/palaver/chat/v1/chat_pb.js";
import { type SendMessageResponse, WhenBusy } from "../gen/palaver/chat/v1/chat_service_pb.js";
import type { PartSchema } from "../gen/palaver/chat/v1/message_pb.js";
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
  /** Empty: files alone are sent. */
  readonly text: string;
  /** Uploaded files; they stand before the text. */
  readonly fileIds?: readonly string[] | undefined;
  /** "provider/model"; the chat's when absent. */
  readonly model?: string | undefined;
  readonly whenBusy?: WhenBusyChoice | undefined;
}

interface CallDeps {
  readonly random: Random;
  /** Gives up waiting for the answer; what was asked for may happen nevertheless. */
  readonly signal?: AbortSignal | undefined;
}

/** A command that cannot reach its server says so soon. */
const maxAttempts = 2;

/** Sends a user message to a chat. Each call is one message, however often the network repeats it. */
export function sendMessage(
  connection: Connection,
  chatId: string,
  { model = "", whenBusy = "queue", ...said }: Sending,
  deps: CallDeps,
): Promise<SendMessageResponse> {
  const request = { chatId, parts: partsOf(said), model, whenBusy: whenBusyOf[whenBusy] };
  return client.sendMessage(connection, request, { ...deps, maxAttempts });
}

/** Creates a chat with its first user message; its turn starts at once. */
export async function createChat(
  connection: Connection,
  { model = "", ...said }: Sending,
  deps: CallDeps,
): Promise<{ chat: Chat; lastMessageId: bigint }> {
  const request = { parts: partsOf(said), model };
  const { chat, messages } = await client.createChat(connection, request, { ...deps, maxAttempts });
  return { chat: present(chat), lastMessageId: messages.at(-1)?.id ?? 0n };
}

function partsOf({
  text,
  fileIds = [],
}: Pick<Sending, "text" | "fileIds">): MessageInitShape<typeof PartSchema>[] {
  const files = fileIds.map((id) => ({
    kind: { case: "file" as const, value: { content: { case: "fileId" as const, value: id } } },
  }));
  return text === "" ? files : [...files, { kind: { case: "text", value: { text } } }];
}

/** A field that every server has to set. */
export function present<T>(value: T | undefined): T {
  if (value === undefined)
    throw new CliError("The server left out what it has to answer.", { reason: "UNEXPECTED_ANSWER" });
  return value;
}

/** The words of a message: those given, or all of standard input for `-`; nothing but blanks is empty, and has to be `optional`. */
export async function messageText(given: string, stdin: Input, optional = false): Promise<string> {
  const text = given === "-" ? (await readAll(stdin)).trimEnd() : given;
  if (text.trim() === "" && optional) return "";
  if (text.trim() === "")
    throw usageError("There is nothing to send.", "Pass the text, or - to read it from standard input.");
  return text;
}
