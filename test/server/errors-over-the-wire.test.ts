import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { ChatService, ListChatsRequestSchema } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { PalaverError } from "../../src/protocol/index.js";
import { DatabaseError } from "../../src/store/index.js";
import { GrpcJsClient } from "../kit/grpc-js-client.js";
import { someChatId, startTestServer, type TestServer } from "./test-server.js";
import { connectWire, errorOf, type SeenError, type WireClient, wires } from "./wire-clients.js";

const maxMessageBytes = 256 * 1024;
const maxResponseBytes = 1024 * 1024;
// Node's own HTTP/2 client cannot send 10 MB at a time.
const longAnswer = "x".repeat(2 * maxMessageBytes);
const tooLong = "x".repeat(2 * 1024 * 1024);

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({
    limits: { maxMessageBytes, maxResponseBytes },
    chat: {
      getChat: () => {
        throw new PalaverError("not_found", "CHAT_NOT_FOUND", "There is no such chat: ünknown.", {
          metadata: { chat_id: someChatId },
        });
      },
      listChats: ({ filter }) => {
        switch (filter) {
          case "":
            return {};
          case "long":
            return { nextPageToken: longAnswer };
          case "large":
            return { nextPageToken: tooLong };
          case "database":
            throw new DatabaseError("database: server closed the connection at 10.0.0.7", {
              retryable: true,
            });
          case "database-fault":
            throw new DatabaseError("database: column secret_column does not exist");
          case "foreign":
            throw new ConnectError("upstream says: secret", Code.PermissionDenied);
          default:
            throw new Error("select secret from /etc/passwd");
        }
      },
      async *subscribe({ cursor }) {
        if (cursor === "at once")
          throw new PalaverError("invalid_argument", "INVALID_CURSOR", "cursor: not one of ours");
        yield { cursor: "first" };
        if (cursor === "large") yield { cursor: tooLong };
        if (cursor === "later") throw new Error("secret");
      },
    },
  });
});

afterAll(() => server.close({ graceMs: 0 }));

/** The same questions to every client. */
interface Caller {
  getChat(chatId: string): Promise<unknown>;
  listChats(filter: string): Promise<unknown>;
  createChat(title: string): Promise<unknown>;
  subscribe(request: { chatId?: string; cursor?: string }): AsyncIterable<{ cursor: string }>;
}

function expectInternal(error: SeenError): void {
  expect(error).toMatchObject({ code: "Internal", reason: "INTERNAL", domain: "palaver.dev" });
  expect(error.message).not.toMatch(/secret/);
  const { error_id: errorId } = error.metadata;
  expect(errorId).toMatch(/^[0-9a-f-]{36}$/);
  const logged = server.lines.find((line) => line.level === "error" && line.fields["error_id"] === errorId);
  expect(String(logged?.fields["err"])).toMatch(/secret/);
}

/** All that is left of a stream: its messages, then its error. */
async function drain(
  stream: AsyncIterable<{ cursor: string }>,
): Promise<{ cursors: string[]; error: SeenError }> {
  const cursors: string[] = [];
  const error = await errorOf(
    (async () => {
      for await (const { cursor } of stream) cursors.push(cursor);
    })(),
  );
  return { cursors, error };
}

function errorsAreTheSame(caller: () => Caller): void {
  test("a refusal has its code, reason, domain, text and metadata", async () => {
    expect(await errorOf(caller().getChat(someChatId))).toEqual({
      code: "NotFound",
      message: "There is no such chat: ünknown.",
      reason: "CHAT_NOT_FOUND",
      domain: "palaver.dev",
      metadata: { chat_id: someChatId },
      fields: [],
    });
  });

  test("a request that breaks a rule of the schema names the fields", async () => {
    expect(await errorOf(caller().getChat("not-a-uuid"))).toMatchObject({
      code: "InvalidArgument",
      reason: "INVALID_REQUEST",
      domain: "palaver.dev",
      fields: ["chat_id"],
    });
    const { error } = await drain(caller().subscribe({ chatId: "" }));
    expect(error).toMatchObject({ code: "InvalidArgument", reason: "INVALID_REQUEST", fields: ["chat_id"] });
  });

  test("an unknown failure says nothing but an id, under which the log has it", async () => {
    expectInternal(await errorOf(caller().listChats("fail")));
  });

  test("an RPC error of somebody else is not passed on", async () => {
    expectInternal(await errorOf(caller().listChats("foreign")));
  });

  test("a database that does not answer is unavailable; a fault in our SQL is internal", async () => {
    const unavailable = await errorOf(caller().listChats("database"));
    expect(unavailable).toMatchObject({
      code: "Unavailable",
      reason: "DATABASE_UNAVAILABLE",
      domain: "palaver.dev",
    });
    expect(unavailable.message).not.toMatch(/10\.0/);
    expectInternal(await errorOf(caller().listChats("database-fault")));
  });

  test("a message over the limit is refused with the limit", async () => {
    expect(await errorOf(caller().createChat(tooLong))).toMatchObject({
      code: "ResourceExhausted",
      reason: "MESSAGE_TOO_LARGE",
      domain: "palaver.dev",
      metadata: { limit_bytes: String(maxMessageBytes) },
    });
    const { error } = await drain(caller().subscribe({ chatId: someChatId, cursor: tooLong }));
    expect(error).toMatchObject({ code: "ResourceExhausted", reason: "MESSAGE_TOO_LARGE" });
  });

  test("an answer may be larger than a request", async () => {
    expect(await caller().listChats("long")).toBeDefined();
  });

  test("an answer over the limit is refused with the limit", async () => {
    expect(await errorOf(caller().listChats("large"))).toMatchObject({
      code: "ResourceExhausted",
      reason: "RESPONSE_TOO_LARGE",
      domain: "palaver.dev",
      metadata: { limit_bytes: String(maxResponseBytes) },
    });
    const { cursors, error } = await drain(caller().subscribe({ chatId: someChatId, cursor: "large" }));
    expect(cursors).toEqual(["first"]);
    expect(error).toMatchObject({ code: "ResourceExhausted", reason: "RESPONSE_TOO_LARGE" });
  });

  test("a method that the service leaves out is unimplemented", async () => {
    expect(await errorOf(caller().createChat("short"))).toMatchObject({
      code: "Unimplemented",
      reason: "UNIMPLEMENTED",
      domain: "palaver.dev",
    });
  });

  test("a stream fails at once or after its messages", async () => {
    const atOnce = await drain(caller().subscribe({ chatId: someChatId, cursor: "at once" }));
    expect(atOnce.cursors).toEqual([]);
    expect(atOnce.error).toMatchObject({ code: "InvalidArgument", reason: "INVALID_CURSOR" });
    const later = await drain(caller().subscribe({ chatId: someChatId, cursor: "later" }));
    expect(later.cursors).toEqual(["first"]);
    expectInternal(later.error);
  });
}

describe.each(wires)("over %s", (wire) => {
  let client: WireClient;
  beforeAll(() => {
    client = connectWire(wire, server.url);
  });
  afterAll(() => client[Symbol.dispose]());

  errorsAreTheSame(() => ({
    getChat: (chatId) => client.chat.getChat({ chatId }),
    listChats: (filter) => client.chat.listChats({ filter }),
    createChat: (title) => client.chat.createChat({ title }),
    subscribe: (request) => client.chat.subscribe(request),
  }));

  test("a method that does not exist", async () => {
    const method = { ...ChatService.method.getChat, name: "GetChatt" };
    expect(await errorOf(call(client.transport, method))).toMatchObject({
      code: "Unimplemented",
      reason: "UNKNOWN_METHOD",
      domain: "palaver.dev",
      metadata: { method: "palaver.chat.v1.ChatService/GetChatt" },
    });
  });

  // What is wrong with JSON stands in malformed-requests.test.ts.
  if (wire.startsWith("connect-json")) return;
  test("a message that cannot be decoded", async () => {
    // page_size, a number, stands where GetChatRequest has a string.
    const method = { ...ChatService.method.getChat, input: ListChatsRequestSchema };
    expect(await errorOf(call(client.transport, method, { pageSize: 100 }))).toMatchObject({
      code: "InvalidArgument",
      reason: "MALFORMED_REQUEST",
      domain: "palaver.dev",
    });
  });
});

function call(
  transport: Transport,
  method: DescMethodUnary,
  message: Record<string, unknown> = {},
): Promise<unknown> {
  return transport.unary(method, undefined, undefined, undefined, message);
}

describe("over grpc-js", () => {
  let client: GrpcJsClient<typeof ChatService>;
  beforeAll(() => {
    client = new GrpcJsClient(ChatService, server.url);
  });
  afterAll(() => client[Symbol.dispose]());

  errorsAreTheSame(() => ({
    getChat: (chatId) => client.unary("getChat", { chatId }),
    listChats: (filter) => client.unary("listChats", { filter }),
    createChat: (title) => client.unary("createChat", { title }),
    subscribe: (request) => client.serverStream("subscribe", request),
  }));
});
