import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { systemRandom } from "../../src/platform/index.js";
import { createToken } from "../../src/server/index.js";
import { insertToken, openPostgres } from "../../src/store/index.js";
import { engines } from "../kit/databases.js";
import { nextMillisecond } from "../kit/next-millisecond.js";
import { gate, type ProviderServer, startProviderServer, text } from "../kit/provider-server/index.js";
import { type ChatClient, newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";

let server: ProviderServer;
beforeAll(async () => {
  server = await startProviderServer();
});
afterAll(() => server[Symbol.asyncDispose]());

/** The code and the reason of what a call was refused with. */
async function refusal(call: Promise<unknown>): Promise<string> {
  const error = ConnectError.from(
    await call.then(
      () => new Error("it was accepted"),
      (reason: unknown) => reason,
    ),
  );
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info?.domain !== "palaver.dev") throw new Error("no ErrorInfo of ours", { cause: error });
  return `${Code[error.code]} ${info.reason}`;
}

describe.each(engines)("ChatService on %s", (engine) => {
  let replica: TestReplica;
  let client: ChatClient;
  beforeAll(async () => {
    replica = await startTestReplica({ engine, providers: server });
    client = replica.client;
  });
  afterAll(() => replica[Symbol.asyncDispose]());

  /** A chat whose turn stands at a gate. */
  async function busyChat(): Promise<string> {
    const script = await server.script([gate("never")]);
    const chatId = await newChat(client, `anthropic/${script.model}`, "go");
    await script.reached("never");
    return chatId;
  }

  const maxInt64 = 2n ** 63n - 1n;
  const unknown = "00000000-0000-4000-8000-000000000000";
  const refusals: [string, string, (chatId: string) => Promise<unknown>][] = [
    ["an unknown chat", "NotFound CHAT_NOT_FOUND", () => client.getChat({ chatId: unknown })],
    [
      "messages of an unknown chat",
      "NotFound CHAT_NOT_FOUND",
      () => client.listMessages({ chatId: unknown }),
    ],
    [
      "a message to an unknown chat",
      "NotFound CHAT_NOT_FOUND",
      () => client.sendMessage({ chatId: unknown, parts: says("x") }),
    ],
    [
      "an edit of an unknown chat",
      "NotFound CHAT_NOT_FOUND",
      () => client.editMessage({ chatId: unknown, messageId: 1n, parts: says("x") }),
    ],
    [
      "an interrupt of an unknown chat",
      "NotFound CHAT_NOT_FOUND",
      () => client.interruptChat({ chatId: unknown }),
    ],
    ["the end of an unknown chat", "NotFound CHAT_NOT_FOUND", () => client.deleteChat({ chatId: unknown })],
    [
      "a change of an unknown chat",
      "NotFound CHAT_NOT_FOUND",
      () => client.updateChat({ chat: { id: unknown, pinned: true }, updateMask: { paths: ["pinned"] } }),
    ],
    [
      "the queue of an unknown chat",
      "NotFound CHAT_NOT_FOUND",
      () => client.promoteQueuedMessage({ chatId: unknown, queuedMessageId: 1n }),
    ],
    ["a malformed id", "InvalidArgument INVALID_REQUEST", () => client.getChat({ chatId: "x' or 1=1" })],
    ["no parts", "InvalidArgument INVALID_REQUEST", (chatId) => client.sendMessage({ chatId, parts: [] })],
    [
      "blank text",
      "InvalidArgument EMPTY_CONTENT",
      (chatId) => client.sendMessage({ chatId, parts: says(" \n") }),
    ],
    [
      "a part of no kind",
      "InvalidArgument INVALID_PART",
      (chatId) => client.sendMessage({ chatId, parts: [{}] }),
    ],
    [
      "a part that users do not say",
      "InvalidArgument UNSUPPORTED_PART",
      (chatId) => client.sendMessage({ chatId, parts: [{ kind: { case: "source", value: { url: "x" } } }] }),
    ],
    [
      "a message of 10 MB",
      "ResourceExhausted MESSAGE_TOO_LARGE",
      (chatId) => client.sendMessage({ chatId, parts: says("x".repeat(10_000_000)) }),
    ],
    [
      "a part of 2 MB",
      "InvalidArgument INVALID_REQUEST",
      (chatId) => client.sendMessage({ chatId, parts: says("x".repeat(2_000_000)) }),
    ],
    [
      "an unknown model",
      "InvalidArgument UNKNOWN_MODEL",
      (chatId) => client.sendMessage({ chatId, parts: says("x"), model: "acme/one" }),
    ],
    [
      "an unknown model for a new chat",
      "InvalidArgument UNKNOWN_MODEL",
      () => client.createChat({ model: "nothing" }),
    ],
    [
      "an edit of a message beyond what ids can be",
      "InvalidArgument INVALID_REQUEST",
      (chatId) => client.editMessage({ chatId, messageId: maxInt64, parts: says("x") }),
    ],
    [
      "messages after an id beyond what ids can be",
      "InvalidArgument INVALID_REQUEST",
      (chatId) => client.listMessages({ chatId, afterMessageId: maxInt64 }),
    ],
    [
      "a subscription after an id beyond what ids can be",
      "InvalidArgument INVALID_REQUEST",
      (chatId) => firstOf(client, { chatId, afterMessageId: maxInt64 }),
    ],
    [
      "the end of a queued message beyond what ids can be",
      "InvalidArgument INVALID_REQUEST",
      (chatId) => client.deleteQueuedMessage({ chatId, queuedMessageId: maxInt64 }),
    ],
    [
      "the promotion of a queued message beyond what ids can be",
      "InvalidArgument INVALID_REQUEST",
      (chatId) => client.promoteQueuedMessage({ chatId, queuedMessageId: 2n ** 53n }),
    ],
    [
      "an idempotency key with U+0000",
      "InvalidArgument INVALID_REQUEST",
      (chatId) => client.sendMessage({ chatId, parts: says("x"), idempotencyKey: "a\0b" }),
    ],
    [
      "an idempotency key with U+0000 for a new chat",
      "InvalidArgument INVALID_REQUEST",
      () => client.createChat({ idempotencyKey: "\0" }),
    ],
    [
      "a model with U+0000",
      "InvalidArgument INVALID_REQUEST",
      (chatId) => client.sendMessage({ chatId, parts: says("x"), model: "scripted/a\0b" }),
    ],
    [
      "a chat's model with U+0000",
      "InvalidArgument INVALID_REQUEST",
      (chatId) =>
        client.updateChat({ chat: { id: chatId, model: "scripted/\0" }, updateMask: { paths: ["model"] } }),
    ],
    [
      "a filter with U+0000",
      "InvalidArgument INVALID_REQUEST",
      () => client.listChats({ filter: 'model = "a\0b"' }),
    ],
    [
      "a page token with U+0000",
      "InvalidArgument INVALID_REQUEST",
      (chatId) => client.listMessages({ chatId, pageToken: "a\0b" }),
    ],
    [
      "parts that are larger than 1 MiB together",
      "InvalidArgument CONTENT_TOO_LARGE",
      (chatId) => client.sendMessage({ chatId, parts: ["a", "b"].flatMap((c) => says(c.repeat(600_000))) }),
    ],
    [
      "bytes, not characters, beyond 1 MiB",
      "InvalidArgument CONTENT_TOO_LARGE",
      (chatId) =>
        client.editMessage({
          chatId,
          messageId: 1n,
          parts: [
            { kind: { case: "fileReference", value: { fileName: "x", content: "ä".repeat(500_000) } } },
            ...says("x".repeat(50_000)),
          ],
        }),
    ],
    [
      "a filter with a field twice",
      "InvalidArgument INVALID_FILTER",
      () => client.listChats({ filter: "pinned = true AND pinned = true" }),
    ],
    [
      "a filter with a label twice",
      "InvalidArgument INVALID_FILTER",
      () => client.listChats({ filter: "labels.a = b AND labels.a = c" }),
    ],
    [
      "a filter with too many parts of the title",
      "InvalidArgument INVALID_FILTER",
      () => client.listChats({ filter: Array.from({ length: 11 }, () => "title : x").join(" AND ") }),
    ],
    [
      "a page token of somewhere else",
      "InvalidArgument INVALID_PAGE_TOKEN",
      () => client.listChats({ pageToken: "abc.def" }),
    ],
    [
      "a filter that makes no sense",
      "InvalidArgument INVALID_FILTER",
      () => client.listChats({ filter: "colour = red" }),
    ],
    [
      "a mask of a field that cannot change",
      "InvalidArgument INVALID_FIELD_MASK",
      (chatId) => client.updateChat({ chat: { id: chatId }, updateMask: { paths: ["status"] } }),
    ],
    [
      "a cursor that nobody gave out",
      "InvalidArgument INVALID_CURSOR",
      (chatId) => firstOf(client, { chatId, cursor: "abc" }),
    ],
    [
      "a subscription to an unknown chat",
      "NotFound CHAT_NOT_FOUND",
      () => firstOf(client, { chatId: unknown }),
    ],
    [
      "the interrupt of an idle chat",
      "FailedPrecondition NOT_RUNNING",
      (chatId) => client.interruptChat({ chatId }),
    ],
  ];

  it.each(refusals)("refuses %s: %s, and changes nothing", async (_what, expected, call) => {
    const chatId = await newChat(client, "");
    const before = await client.getChat({ chatId });
    expect(await refusal(call(chatId))).toBe(expected);
    expect(await client.getChat({ chatId })).toEqual(before);
    expect((await client.listMessages({ chatId })).messages).toEqual([]);
  });

  it("creates once per idempotency key", async () => {
    const request = { parts: says("hello"), idempotencyKey: `key ${engine}`, labels: { b: "2", a: "1" } };
    const [first, second] = await Promise.all([
      client.createChat(request),
      client.createChat({ ...request, labels: { a: "1", b: "2" } }),
    ]);
    expect(second).toEqual(first);
    expect(await refusal(client.createChat({ ...request, parts: says("other") }))).toBe(
      "AlreadyExists IDEMPOTENCY_KEY_REUSED",
    );
  });

  it("repeats the result of a key after the chat was deleted (MSG-4)", async () => {
    const script = await server.script([text("one")], [text("two")]);
    const chatId = await newChat(client, `anthropic/${script.model}`);
    const watch = replica.watch(chatId);
    await watch.event("caughtUp");
    const send = { chatId, parts: says("hello"), idempotencyKey: `send ${engine}` };
    let mark = watch.mark;
    const sent = await client.sendMessage(send);
    await watch.status(ChatStatus.WAITING, mark);
    const messageId = sent.outcome.case === "message" ? sent.outcome.value.id : 0n;
    const edit = { chatId, messageId, parts: says("hi"), idempotencyKey: `edit ${engine}` };
    mark = watch.mark;
    const edited = await client.editMessage(edit);
    await watch.status(ChatStatus.WAITING, mark);
    await client.deleteChat({ chatId });
    expect(await client.sendMessage(send)).toEqual(sent);
    expect(await client.editMessage(edit)).toEqual(edited);
    expect(await refusal(client.sendMessage({ ...send, idempotencyKey: "" }))).toBe(
      "NotFound CHAT_NOT_FOUND",
    );
  });

  it("pages through chats, pinned ones first, without repeating or skipping any", async () => {
    const labels = { test: "paging" };
    const ids: string[] = [];
    for (let index = 0; index < 7; index += 1) {
      ids.push((await client.createChat({ title: `chat ${index}`, labels })).chat?.id ?? "");
      await nextMillisecond();
    }
    await client.updateChat({ chat: { id: ids[2] ?? "", pinned: true }, updateMask: { paths: ["pinned"] } });
    const filter = "labels.test = paging";
    const seen: string[] = [];
    for (let pageToken = "", pages = 0; pages === 0 || pageToken !== ""; pages += 1) {
      const page = await client.listChats({ filter, pageSize: 3, pageToken });
      seen.push(...page.chats.map((chat) => chat.id));
      // Somebody else's new chat does not disturb what existed at the start.
      await client.createChat({ title: "late", labels });
      pageToken = page.nextPageToken;
    }
    expect(seen[0]).toBe(ids[2]);
    expect(seen.slice(1)).toEqual(ids.filter((id) => id !== ids[2]).toReversed());
    const first = await client.listChats({ filter, pageSize: 3 });
    expect(await refusal(client.listChats({ filter: 'title = "x"', pageToken: first.nextPageToken }))).toBe(
      "InvalidArgument INVALID_PAGE_TOKEN",
    );
    const [body, sum] = first.nextPageToken.split(".");
    expect(await refusal(client.listChats({ filter, pageToken: `${body?.slice(0, -2)}AA.${sum}` }))).toBe(
      "InvalidArgument INVALID_PAGE_TOKEN",
    );
  });

  it("filters chats by what they are", async () => {
    const busy = await busyChat();
    const { chat } = await client.createChat({ title: 'A "report"', labels: { team: "a" } });
    const find = async (filter: string): Promise<string[]> =>
      (await client.listChats({ filter })).chats.map(({ id }) => id);
    expect(await find('title : "REPORT" AND labels.team = "a"')).toEqual([chat?.id]);
    expect(await find('title = "A \\"report\\"" AND status = WAITING')).toEqual([chat?.id]);
    expect(await find("status = RUNNING")).toContain(busy);
    expect(await find("status = PENDING")).toEqual([]);
    expect(await find("pinned = true AND labels.team = a")).toEqual([]);
    expect(await find("labels.team = a AND labels.other = b")).toEqual([]);
    expect(await find('title : "rep" AND title : "A \\"" AND model = "scripted/default"')).toEqual([
      chat?.id,
    ]);
    expect(await find('title : "rep" AND title : "other"')).toEqual([]);
    expect(await find('title = "A"')).toEqual([]);
    await client.updateChat({
      chat: { id: chat?.id ?? "", archived: true },
      updateMask: { paths: ["archived"] },
    });
    expect(await find("labels.team = a")).toEqual([]);
    expect(await find("labels.team = a AND archived = true")).toEqual([chat?.id]);
    await client.interruptChat({ chatId: busy });
  });

  it("pages through messages", async () => {
    const script = await server.script(...Array.from({ length: 3 }, (_, index) => [text(`answer ${index}`)]));
    const chatId = await newChat(client, `anthropic/${script.model}`);
    const watch = replica.watch(chatId);
    await watch.event("caughtUp");
    for (let index = 0; index < 3; index += 1) {
      const mark = watch.mark;
      await client.sendMessage({ chatId, parts: says(`question ${index}`) });
      await watch.status(ChatStatus.WAITING, mark);
    }
    const all = (await client.listMessages({ chatId })).messages;
    const first = await client.listMessages({ chatId, pageSize: 4 });
    const second = await client.listMessages({ chatId, pageSize: 4, pageToken: first.nextPageToken });
    expect([...first.messages, ...second.messages]).toEqual(all);
    expect(second.nextPageToken).toBe("");
    expect((await client.listMessages({ chatId, afterMessageId: all[3]?.id ?? 0n })).messages).toEqual(
      all.slice(4),
    );
  });

  it("ends a page of messages before it is too large", async () => {
    const script = await server.script(...Array.from({ length: 6 }, () => [text("ok")]));
    const chatId = await newChat(client, `anthropic/${script.model}`);
    const watch = replica.watch(chatId);
    await watch.event("caughtUp");
    for (const letter of ["a", "b", "c", "d", "e"]) {
      const mark = watch.mark;
      await client.sendMessage({ chatId, parts: says(letter.repeat(1_040_000)) });
      await watch.status(ChatStatus.WAITING, mark);
    }
    const pages: { ids: bigint[]; size: number }[] = [];
    for (let pageToken = ""; pages.length === 0 || pageToken !== ""; ) {
      const page = await client.listMessages({ chatId, pageToken });
      const sizes = page.messages.flatMap(({ parts }) =>
        parts.map(({ kind }) => (kind.case === "text" ? kind.value.text.length : 0)),
      );
      pages.push({
        ids: page.messages.map(({ id }) => id),
        size: sizes.reduce((sum, size) => sum + size, 0),
      });
      pageToken = page.nextPageToken;
    }
    expect(pages.flatMap(({ ids }) => ids)).toEqual(
      Array.from({ length: 10 }, (_, index) => BigInt(index + 1)),
    );
    expect(pages.map(({ size }) => Math.round(size / 1_040_000))).toEqual([2, 2, 1]);
  });

  it("changes metadata, and watchers hear of it without losing their history", async () => {
    const chatId = await newChat(client, "");
    const watch = replica.watch(chatId);
    await watch.event("caughtUp");
    const before = (await client.getChat({ chatId })).chat;
    await client.updateChat({
      chat: { id: chatId, title: "New title", labels: { a: "b" }, pinned: true, model: "scripted/default" },
      updateMask: { paths: ["title", "labels", "pinned"] },
    });
    const { chat } = await watch.event("chatUpdate");
    expect(chat).toMatchObject({ title: "New title", labels: { a: "b" }, pinned: true });
    expect(chat?.versions?.historyVersion).toBe(before?.versions?.historyVersion);
    expect(watch.all("historyReset")).toEqual([]);
  });

  it("archives and deletes idle chats, and tells watchers that a chat is gone", async () => {
    const busy = await busyChat();
    const archive = (id: string, archived: boolean): Promise<unknown> =>
      client.updateChat({ chat: { id, archived }, updateMask: { paths: ["archived"] } });
    expect(await refusal(archive(busy, true))).toBe("FailedPrecondition CHAT_BUSY");
    expect(await refusal(client.deleteChat({ chatId: busy }))).toBe("FailedPrecondition CHAT_BUSY");
    await client.interruptChat({ chatId: busy });

    const chatId = await newChat(client, "");
    await archive(chatId, true);
    expect(await refusal(client.sendMessage({ chatId, parts: says("x") }))).toBe(
      "FailedPrecondition CHAT_ARCHIVED",
    );
    await archive(chatId, false);
    const watch = replica.watch(chatId);
    await watch.event("caughtUp");
    await client.deleteChat({ chatId });
    expect(await refusal(watch.end().then((error) => Promise.reject(error ?? new Error("ended well"))))).toBe(
      "NotFound CHAT_NOT_FOUND",
    );
    expect(await refusal(client.getChat({ chatId }))).toBe("NotFound CHAT_NOT_FOUND");
  });
});

describe("with API tokens", () => {
  let replica: TestReplica;
  const clients: Record<"alice" | "bob" | "admin", ChatClient> = {} as never;
  beforeAll(async () => {
    replica = await startTestReplica({ providers: server, env: { PALAVER_AUTH: "tokens" } });
    await using database = openPostgres({ url: replica.env["DATABASE_URL"] ?? "" });
    for (const owner of ["alice", "bob", "admin"] as const) {
      const { token, id, secretHash } = createToken(systemRandom);
      const role = owner === "admin" ? "admin" : "user";
      await insertToken(database, { id, name: owner, owner, role, secretHash, expiresAt: undefined });
      const transport = createGrpcTransport({
        baseUrl: replica.url,
        interceptors: [
          (next) => (request) => {
            request.header.set("authorization", `Bearer ${token}`);
            return next(request);
          },
        ],
      });
      clients[owner] = createClient(ChatService, transport);
    }
  });
  afterAll(() => replica[Symbol.asyncDispose]());

  it("nobody calls without one (AUTH-1)", async () => {
    expect(await refusal(replica.client.listChats({}))).toBe("Unauthenticated MISSING_CREDENTIAL");
  });

  it("somebody else's chat is as unknown as one that never was (ERR-5)", async () => {
    const script = await server.script([text("for alice"), gate("here")]);
    const chatId = await newChat(clients.alice, `anthropic/${script.model}`, "mine");
    const { bob } = clients;
    const attempts = [
      bob.getChat({ chatId }),
      bob.listMessages({ chatId }),
      bob.sendMessage({ chatId, parts: says("x") }),
      bob.sendMessage({ chatId, parts: says("x"), model: "scripted/default" }),
      bob.editMessage({ chatId, messageId: 1n, parts: says("x") }),
      bob.interruptChat({ chatId }),
      bob.deleteQueuedMessage({ chatId, queuedMessageId: 1n }),
      bob.promoteQueuedMessage({ chatId, queuedMessageId: 1n }),
      bob.updateChat({ chat: { id: chatId, title: "x" }, updateMask: { paths: ["title"] } }),
      bob.deleteChat({ chatId }),
      firstOf(bob, { chatId }),
    ];
    expect(await Promise.all(attempts.map(refusal))).toEqual(attempts.map(() => "NotFound CHAT_NOT_FOUND"));
    expect((await bob.listChats({})).chats).toEqual([]);
    await clients.alice.interruptChat({ chatId });
  });

  it("admins read and interrupt, and speak in nobody's name (AUTH-2)", async () => {
    const script = await server.script([text("for alice"), gate("here")]);
    const chatId = await newChat(clients.alice, `anthropic/${script.model}`, "mine");
    await script.reached("here");
    const { admin } = clients;
    expect((await admin.getChat({ chatId })).chat?.id).toBe(chatId);
    expect((await admin.listMessages({ chatId })).messages).toHaveLength(1);
    expect((await firstOf(admin, { chatId })).events[0]?.event.case).toBe("status");
    expect(await refusal(admin.sendMessage({ chatId, parts: says("x") }))).toBe("NotFound CHAT_NOT_FOUND");
    expect(await refusal(admin.deleteChat({ chatId }))).toBe("NotFound CHAT_NOT_FOUND");
    expect((await admin.interruptChat({ chatId })).chat?.status).toBe(ChatStatus.INTERRUPTING);
  });

  it("an idempotency key is its owner's own", async () => {
    const request = { title: "t", idempotencyKey: "shared" };
    const [alice, bob] = [await clients.alice.createChat(request), await clients.bob.createChat(request)];
    expect(bob.chat?.id).not.toBe(alice.chat?.id);
  });
});

async function firstOf(
  client: ChatClient,
  request: { chatId: string; cursor?: string; afterMessageId?: bigint },
) {
  const leave = new AbortController();
  try {
    for await (const response of client.subscribe(request, { signal: leave.signal })) return response;
    throw new Error("the stream ended without a response");
  } finally {
    leave.abort();
  }
}
