import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  CreateChatRequestSchema,
  CreateChatResponse,
  EditMessageRequestSchema,
  EditMessageResponse,
  SendMessageRequestSchema,
  SendMessageResponse,
} from "../gen/palaver/chat/v1/chat_service_pb.js";
import type { PartSchema } from "../gen/palaver/chat/v1/message_pb.js";
import type { ChatsClient } from "./palaver-client.js";
import { repeatCall, type RepeatOptions } from "./repeat-call.js";

/**
 * Sends a user message. Each call is one message, however often the network makes it be repeated: all attempts carry one idempotency key,
 * which is made here unless the request has one.
 *
 * @throws ConnectError what the server refuses with, or the last failure when there was no answer; whether the message was sent is then unknown,
 * and sending it again with a key of your own settles it
 */
export function sendMessage(
  { chats }: ChatsClient,
  request: MessageInitShape<typeof SendMessageRequestSchema>,
  options: RepeatOptions = {},
): Promise<SendMessageResponse> {
  return repeatCall((idempotencyKey, call) => chats.sendMessage({ ...request, idempotencyKey }, call), {
    ...options,
    idempotencyKey: request.idempotencyKey,
  });
}

/** Creates a chat, with or without a first message, as surely as {@link sendMessage} sends. */
export function createChat(
  { chats }: ChatsClient,
  request: MessageInitShape<typeof CreateChatRequestSchema>,
  options: RepeatOptions = {},
): Promise<CreateChatResponse> {
  return repeatCall((idempotencyKey, call) => chats.createChat({ ...request, idempotencyKey }, call), {
    ...options,
    idempotencyKey: request.idempotencyKey,
  });
}

/** Replaces a user message and everything after it, as surely as {@link sendMessage} sends. */
export function editMessage(
  { chats }: ChatsClient,
  request: MessageInitShape<typeof EditMessageRequestSchema>,
  options: RepeatOptions = {},
): Promise<EditMessageResponse> {
  return repeatCall((idempotencyKey, call) => chats.editMessage({ ...request, idempotencyKey }, call), {
    ...options,
    idempotencyKey: request.idempotencyKey,
  });
}

/** A text as a part of a request. */
export function textPart(text: string): MessageInitShape<typeof PartSchema> {
  return { kind: { case: "text", value: { text } } };
}
