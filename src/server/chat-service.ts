import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import * as z from "zod";
import type { Bus } from "../bus/index.js";
import {
  type Applied,
  type Chats,
  type ClientRequest,
  chatNotFound,
  type Idempotency,
  type NewChat,
  type RecentCommits,
  titleFrom,
  type UserMessage,
} from "../chat/index.js";
import { envelopeOf } from "../fanout/index.js";
import {
  type ChatService,
  CreateChatRequestSchema,
  CreateChatResponseSchema,
  EditMessageRequestSchema,
  EditMessageResponseSchema,
  SendMessageRequestSchema,
  SendMessageResponseSchema,
  SubscribeResponseSchema,
  type UpdateChatRequest,
  WatchChatsResponseSchema,
  WhenBusy,
} from "../gen/palaver/chat/v1/chat_service_pb.js";
import type { Part } from "../gen/palaver/chat/v1/message_pb.js";
import type { ModelRegistry } from "../models/index.js";
import type { Clock, Logger, Random } from "../platform/index.js";
import {
  chatToProto,
  invalidArgument,
  messageToProto,
  queuedToProto,
  userPartsFromProto,
} from "../protocol/index.js";
import {
  type ChatListPosition,
  type Database,
  listChats,
  type Owner,
  readChat,
  readMessages,
} from "../store/index.js";
import { decodeCursor, type EpisodeSource, Subscription, watchChats } from "../stream/index.js";
import { callerKey } from "./authenticate.js";
import { chatListReader } from "./chat-list-reader.js";
import { chatReaders } from "./chat-reader.js";
import { parseChatFilter } from "./chat-filter.js";
import { decodePageToken, encodePageToken } from "./page-token.js";
import { requestHash } from "./request-hash.js";

export interface ChatServiceDeps {
  readonly database: Database;
  readonly chats: Chats;
  /** What these have just committed. */
  readonly recent: RecentCommits;
  readonly bus: Bus;
  readonly deltaLog: EpisodeSource;
  readonly models: ModelRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly pollMs: number;
  readonly keepaliveMs: number;
  /** See `SubscriptionDeps.maxBacklog`. */
  readonly maxBacklog: number;
  /** Aborts when the server begins to shut down. */
  readonly shutdown: AbortSignal;
}

/** ChatService over the chat machine. Every statement on behalf of a caller is scoped by owner (ERR-5, AUTH-2). */
export function createChatService(deps: ChatServiceDeps): ServiceImpl<typeof ChatService> {
  const { database, chats } = deps;
  const readerOf = chatReaders(database, deps.recent);

  function model(requested: string, fallback: string): string {
    const id = requested === "" ? fallback : requested;
    if (deps.models.resolve(id) !== undefined) return id;
    const available = deps.models.available().join(", ");
    throw invalidArgument(
      "UNKNOWN_MODEL",
      "model",
      `there is no model "${id}" here. ${deps.models.whyNot(id)} Available: ${available}.`,
    );
  }

  /**
   * The message as the caller says it. The model is the chat's unless the request names one, so it is only known once the chat is: after
   * the idempotency key was looked up, for a replay needs neither (MSG-4).
   */
  function userMessage(
    req: { readonly parts: readonly Part[]; readonly model: string },
    author: string,
  ): (chat: { readonly model: string }) => UserMessage {
    const parts = userPartsFromProto(req.parts);
    return (chat) => ({ parts, author, model: model(req.model, chat.model) });
  }

  async function request<T>(
    context: HandlerContext,
    chatId: string,
    owner: Owner,
    input: ClientRequest | ((chat: { readonly model: string }) => ClientRequest),
    respond: (applied: Applied) => T,
    idempotency?: Idempotency<T>,
  ): Promise<T> {
    context.signal.throwIfAborted();
    return chats.request({ chatId, owner }, input, respond, idempotency);
  }

  return {
    async createChat(req, context) {
      const owner = speaker(context);
      const parts = req.parts.length === 0 ? undefined : userPartsFromProto(req.parts);
      // Only when the idempotency key has no result yet: a model that is gone since must not change an answer.
      const chat = (): NewChat => {
        const modelId = model(req.model, deps.models.defaultModelId);
        return {
          id: deps.random.uuid(),
          owner,
          title: req.title.trim() !== "" ? req.title : titleFrom(parts ?? []),
          labels: req.labels,
          model: modelId,
          system:
            req.systemPrompt === ""
              ? []
              : [{ role: "system", parts: [{ type: "text", text: req.systemPrompt }] }],
          first: parts === undefined ? undefined : { parts, author: owner, model: modelId },
        };
      };
      const respond = (applied: Applied): MessageShape<typeof CreateChatResponseSchema> =>
        create(CreateChatResponseSchema, {
          chat: chatToProto(applied.chat),
          messages: applied.messages.map(messageToProto),
        });
      return chats.create(
        chat,
        respond,
        idempotencyOf(owner, CreateChatRequestSchema, CreateChatResponseSchema, req),
      );
    },

    async getChat(req, context) {
      const chat = await readChat(database, req.chatId, reader(context));
      if (chat === undefined) throw chatNotFound();
      return { chat: chatToProto(chat) };
    },

    async listChats(req, context) {
      const owner = speaker(context);
      const filter = parseChatFilter(req.filter);
      const boundTo = ["chats", owner, req.filter];
      const after = decodePageToken<ChatListPosition>(req.pageToken, boundTo, chatListPosition);
      const limit = pageSize(req.pageSize, 50, 200);
      const found = await listChats(database, owner, { filter, after, limit: limit + 1 });
      const page = found.slice(0, limit);
      return {
        chats: page.map(({ chat }) => chatToProto(chat)),
        nextPageToken: found.length > limit ? encodePageToken(page.at(-1)?.position, boundTo) : "",
      };
    },

    async updateChat(req, context) {
      const chatId = req.chat?.id ?? "";
      const input = updateInput(req, model);
      return request(context, chatId, speaker(context), input, ({ chat }) => ({ chat: chatToProto(chat) }));
    },

    async deleteChat(req, context) {
      return request(context, req.chatId, speaker(context), { type: "Delete" }, () => ({}));
    },

    async listMessages(req, context) {
      const owner = reader(context);
      if ((await readChat(database, req.chatId, owner)) === undefined) throw chatNotFound();
      const boundTo = ["messages", req.chatId];
      const after = decodePageToken(req.pageToken, boundTo, z.int());
      const afterId = Math.max(after ?? 0, Number(req.afterMessageId));
      const limit = pageSize(req.pageSize, 100, 1_000);
      const page = { afterId, limit, maxBytes: messagePageBytes };
      const { messages, more } = await readMessages(database, req.chatId, owner, page);
      return {
        messages: messages.map(messageToProto),
        nextPageToken: more ? encodePageToken(messages.at(-1)?.id, boundTo) : "",
      };
    },

    async sendMessage(req, context) {
      const owner = speaker(context);
      const message = userMessage(req, owner);
      const input = (chat: { readonly model: string }): ClientRequest => ({
        type: "Send",
        message: message(chat),
        whenBusy: whenBusy[req.whenBusy],
      });
      const respond = ({
        chat,
        messages,
        queued,
      }: Applied): MessageShape<typeof SendMessageResponseSchema> => {
        const said = messages.findLast((added) => added.role === "user");
        return create(SendMessageResponseSchema, {
          chat: chatToProto(chat),
          ...(queued !== undefined
            ? { outcome: { case: "queuedMessage", value: queuedToProto(queued) } }
            : {}),
          ...(queued === undefined && said !== undefined
            ? { outcome: { case: "message", value: messageToProto(said) } }
            : {}),
        });
      };
      const idempotency = idempotencyOf(owner, SendMessageRequestSchema, SendMessageResponseSchema, req);
      return request(context, req.chatId, owner, input, respond, idempotency);
    },

    async editMessage(req, context) {
      const owner = speaker(context);
      const message = userMessage(req, owner);
      const input = (chat: { readonly model: string }): ClientRequest => ({
        type: "Edit",
        messageId: Number(req.messageId),
        message: message(chat),
      });
      const respond = ({ chat, messages }: Applied): MessageShape<typeof EditMessageResponseSchema> =>
        create(EditMessageResponseSchema, {
          chat: chatToProto(chat),
          ...(messages[0] === undefined ? {} : { message: messageToProto(messages[0]) }),
        });
      const idempotency = idempotencyOf(owner, EditMessageRequestSchema, EditMessageResponseSchema, req);
      return request(context, req.chatId, owner, input, respond, idempotency);
    },

    async interruptChat(req, context) {
      return request(context, req.chatId, reader(context), { type: "Interrupt" }, ({ chat }) => ({
        chat: chatToProto(chat),
      }));
    },

    async deleteQueuedMessage(req, context) {
      const input = { type: "DeleteQueued" as const, queueId: Number(req.queuedMessageId) };
      return request(context, req.chatId, speaker(context), input, ({ chat }) => ({
        chat: chatToProto(chat),
      }));
    },

    async promoteQueuedMessage(req, context) {
      const input = { type: "PromoteQueued" as const, queueId: Number(req.queuedMessageId) };
      return request(context, req.chatId, speaker(context), input, ({ chat }) => ({
        chat: chatToProto(chat),
      }));
    },

    async *subscribe(req, context) {
      // As the bus and the delta log have it, however it is written.
      const chatId = req.chatId.toLowerCase();
      const position =
        req.cursor === ""
          ? { afterMessageId: Number(req.afterMessageId), told: undefined, seen: undefined }
          : decodeCursor(chatId, req.cursor);
      if (position === undefined)
        throw invalidArgument("INVALID_CURSOR", "cursor", "this is no cursor of this chat");
      const subscription = new Subscription(
        {
          reader: readerOf(reader(context)),
          bus: deps.bus,
          deltaLog: deps.deltaLog,
          clock: deps.clock,
          logger: deps.logger,
          keepaliveMs: deps.keepaliveMs,
          maxBacklog: deps.maxBacklog,
          shutdown: deps.shutdown,
        },
        { chatId, position },
      );
      let isLive = false;
      try {
        for await (const { events, cursor } of subscription.batches(context.signal)) {
          yield create(SubscribeResponseSchema, { events: [...events], cursor });
          isLive = events.some(({ event }) => event.case === "caughtUp");
          if (isLive) return { source: subscription, envelopeOf };
        }
      } finally {
        if (!isLive) subscription[Symbol.dispose]();
      }
    },

    async *watchChats(req, context) {
      const owner = speaker(context);
      const { bus, clock, logger, pollMs, keepaliveMs, shutdown } = deps;
      const batches = watchChats(
        { reader: chatListReader(database, owner), bus, clock, logger, pollMs, keepaliveMs, shutdown },
        { owner, cursor: req.cursor, updatesOnly: req.updatesOnly, signal: context.signal },
      );
      for await (const { events, cursor } of batches)
        yield create(WatchChatsResponseSchema, { events: [...events], cursor });
    },
  };
}

/** A page of messages ends before its parts are larger than this, if it holds one. */
const messagePageBytes = 2 * 1024 * 1024;

const chatListPosition = z.object({ pinned: z.boolean(), updatedUs: z.int(), id: z.uuid() });

const whenBusy = {
  [WhenBusy.UNSPECIFIED]: "queue",
  [WhenBusy.QUEUE]: "queue",
  [WhenBusy.INTERRUPT]: "interrupt",
  [WhenBusy.REJECT]: "reject",
} as const;

function pageSize(requested: number, standard: number, most: number): number {
  return requested === 0 ? standard : Math.min(requested, most);
}

/** Whose chats the caller may read and interrupt: their own, or as an admin everybody's. */
function reader(context: HandlerContext): Owner {
  const { owner, role } = context.values.get(callerKey);
  return role === "admin" ? undefined : owner;
}

/** In whose name the caller speaks and changes things: only their own, also as an admin. */
function speaker(context: HandlerContext): string {
  return context.values.get(callerKey).owner;
}

function updateInput(
  req: UpdateChatRequest,
  model: (requested: string, fallback: string) => string,
): ClientRequest {
  const { chat } = req;
  const paths = new Set(req.updateMask?.paths ?? []);
  const known = ["title", "labels", "pinned", "model", "archived"];
  const unknown = [...paths].find((path) => !known.includes(path));
  if (chat === undefined || paths.size === 0 || unknown !== undefined) {
    const description = unknown === undefined ? "names no field" : `"${unknown}" cannot be changed`;
    throw invalidArgument(
      "INVALID_FIELD_MASK",
      "update_mask",
      `${description}; use title, labels, pinned, model, or archived alone`,
    );
  }
  if (paths.has("archived")) {
    if (paths.size > 1)
      throw invalidArgument("INVALID_FIELD_MASK", "update_mask", "archived can only be changed alone");
    return { type: chat.archived ? "Archive" : "Unarchive" };
  }
  if (paths.has("title") && chat.title.trim() === "")
    throw invalidArgument("INVALID_REQUEST", "chat.title", "must not be blank");
  return {
    type: "UpdateMetadata",
    model: paths.has("model") ? model(chat.model, "") : undefined,
    metadata: {
      title: paths.has("title") ? chat.title : undefined,
      labels: paths.has("labels") ? chat.labels : undefined,
      pinned: paths.has("pinned") ? chat.pinned : undefined,
    },
  };
}

function idempotencyOf<Req extends DescMessage, Res extends DescMessage>(
  owner: string,
  requestSchema: Req,
  responseSchema: Res,
  req: MessageShape<Req> & { readonly idempotencyKey: string },
): Idempotency<MessageShape<Res>> | undefined {
  if (req.idempotencyKey === "") return undefined;
  return {
    owner,
    key: req.idempotencyKey,
    requestHash: requestHash(requestSchema, req),
    encode: (response) => toBinary(responseSchema, response),
    decode: (bytes) => fromBinary(responseSchema, bytes),
  };
}
