import { create, type DescMethod, type MessageInitShape } from "@bufbuild/protobuf";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { RpcClient } from "../../surroundings/clients/call.js";
import type { RpcFailure } from "../../surroundings/clients/rpc-failure.js";
import type { Waiting } from "../../suite/run/watch.js";
import { textPart } from "./chats.js";

/** A method of ChatService that is about one chat, as something that can be tried with any id. */
export interface ChatCall {
  readonly name: string;
  /** The path of the request's field with the chat's id. */
  readonly field: string;
  /** How the target refuses; undefined when it does not: then the chat may have changed. */
  readonly refusal: (client: RpcClient, chatId: string, waiting: Waiting) => Promise<RpcFailure | undefined>;
}

const parts = [textPart("hello")];

/** What a request needs beside the chat's id in order to be sound. */
const rest: Readonly<Record<string, object>> = {
  SendMessage: { parts },
  EditMessage: { messageId: 1n, parts },
  DeleteQueuedMessage: { queuedMessageId: 1n },
  PromoteQueuedMessage: { queuedMessageId: 1n },
  UpdateChat: { updateMask: { paths: ["title"] } },
};

/** All of them that the schema has. */
export const chatCalls: readonly ChatCall[] = ChatService.methods.flatMap((method): ChatCall[] => {
  const field = method.input.fields.find(({ name }) => name === "chat_id" || name === "chat");
  if (field === undefined) return [];
  const { name } = method;
  const request = (chatId: string): object =>
    field.name === "chat" ? { chat: { id: chatId, title: "a title" } } : { chatId };
  return [
    {
      name,
      field: field.name === "chat" ? "chat.id" : field.name,
      refusal: (client, chatId, waiting) =>
        tried(client, method, { ...request(chatId), ...rest[name] }, waiting),
    },
  ];
});

async function tried(
  client: RpcClient,
  method: DescMethod,
  request: object,
  waiting: Waiting,
): Promise<RpcFailure | undefined> {
  using call = client.call(method, create(method.input, request as MessageInitShape<typeof method.input>));
  // A stream that is accepted has no end.
  const isAnswered = (): true | undefined => call.messages.length > 0 || call.end !== undefined || undefined;
  await call.until("an answer", isAnswered, waiting);
  if (call.end?.how !== "failed") return undefined;
  const { failure } = call.end;
  if (failure.origin === "target") return failure;
  throw new Error(`${method.name} was not answered: ${failure.message}`);
}
