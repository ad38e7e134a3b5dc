import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatService, type SubscribeResponse } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { GrpcJsClient } from "../kit/grpc-js-client.js";
import { gate, type ProviderServer, startProviderServer, text } from "../kit/provider-server/index.js";
import { newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { joinDeltas, textOf, Watch } from "../kit/watch.js";

let server: ProviderServer;
let replica: TestReplica;
beforeAll(async () => {
  server = await startProviderServer();
  replica = await startTestReplica({ providers: server });
});
afterAll(async () => {
  await replica[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const wires: Record<string, (baseUrl: string) => Transport> = {
  gRPC: (baseUrl) => createGrpcTransport({ baseUrl }),
  "gRPC-Web over HTTP/1.1": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  "gRPC-Web over HTTP/2": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
  "Connect over HTTP/1.1": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  "Connect over HTTP/2": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" }),
  "Connect with JSON": (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  "Connect with GET": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true }),
};

describe.each(Object.entries(wires))("over %s", (_name, transport) => {
  it("a chat is created, watched token by token, read and refused alike", async () => {
    const client: Client<typeof ChatService> = createClient(ChatService, transport(replica.url));
    const script = await server.script([text("Hello, world. 🙂", { chunk: 1 }), gate("end")]);
    const chatId = await newChat(client, `anthropic/${script.model}`);
    await using watch = new Watch(client, { chatId });
    await watch.event("caughtUp");
    const mark = watch.mark;
    await client.sendMessage({ chatId, parts: says("hi") });
    // Nobody has to be shown deltas whom they reach after the commit.
    await watch.event("messagePart", ({ seq }) => seq === 15n);
    await script.open("end");
    await watch.status(ChatStatus.WAITING, mark);
    const deltas = watch.all("messagePart");
    expect([deltas[0]?.firstSeq, deltas.at(-1)?.seq]).toEqual([1n, 15n]);
    expect(joinDeltas(deltas)).toEqual(["text: Hello, world. 🙂"]);
    expect(textOf(watch.messages().at(-1))).toBe("Hello, world. 🙂");
    expect((await client.listMessages({ chatId })).messages).toEqual(watch.messages());
    await expect(client.interruptChat({ chatId })).rejects.toMatchObject({
      code: 9,
      message: expect.stringContaining("Interrupt"),
    });
  });
});

describe("clients that share no code with the server", () => {
  it("grpc-js streams a turn", async () => {
    using client = new GrpcJsClient(ChatService, replica.url);
    const script = await server.script([text("from grpc-js", { chunk: 4 }), gate("end")]);
    const { chat } = await client.unary("createChat", { model: `google/${script.model}` });
    const chatId = chat?.id ?? "";
    const stream = client.serverStream("subscribe", { chatId });
    const texts: string[] = [];
    let idle = 0;
    for await (const response of stream as AsyncIterable<SubscribeResponse>) {
      for (const { event } of response.events) {
        if (event.case === "caughtUp") await client.unary("sendMessage", { chatId, parts: says("hi") });
        if (event.case === "messagePart")
          texts.push(textOf({ parts: event.value.part === undefined ? [] : [event.value.part] }));
        if (event.case === "messagePart" && event.value.seq === 3n) await script.open("end");
        if (event.case === "status" && event.value.status === ChatStatus.WAITING) idle += 1;
      }
      if (idle === 2) break;
    }
    stream.cancel();
    expect(texts.join("")).toBe("from grpc-js");
    await expect(client.unary("getChat", { chatId: crypto.randomUUID() })).rejects.toMatchObject({ code: 5 });
  });

  it.each([
    ["grpc", ["--http2-prior-knowledge"]],
    ["grpcweb", []],
    ["connect", []],
  ])("buf curl speaks %s by reflection", async (protocol, flags) => {
    const call = async (method: string, body: unknown): Promise<Record<string, Record<string, string>>> => {
      const url = `${replica.url}/palaver.chat.v1.ChatService/${method}`;
      // Server reflection needs HTTP/2; the schema of this checkout serves as well.
      const schema = protocol === "grpc" ? [] : ["--schema", "proto"];
      const args = ["curl", "--protocol", protocol, ...flags, ...schema, "-d", JSON.stringify(body), url];
      const { stdout } = await promisify(execFile)("node_modules/.bin/buf", args);
      return JSON.parse(stdout) as Record<string, Record<string, string>>;
    };
    const { chat } = await call("CreateChat", { title: `by ${protocol}` });
    const again = await call("GetChat", { chatId: chat?.["id"] });
    expect(again["chat"]).toMatchObject({ title: `by ${protocol}`, status: "CHAT_STATUS_WAITING" });
  });

  it("a browser-style POST of JSON over HTTP/1.1 works, and its errors say what is wrong", async () => {
    const post = async (
      method: string,
      body: string,
    ): Promise<{ status: number; json: Record<string, never> }> => {
      const response = await fetch(`${replica.url}/palaver.chat.v1.ChatService/${method}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      return { status: response.status, json: (await response.json()) as Record<string, never> };
    };
    const created = await post("CreateChat", '{"title":"from fetch"}');
    expect(created).toMatchObject({ status: 200, json: { chat: { title: "from fetch" } } });
    const unknown = await post("GetChat", JSON.stringify({ chatId: crypto.randomUUID() }));
    expect(unknown).toMatchObject({
      status: 404,
      json: {
        code: "not_found",
        details: [
          { type: "google.rpc.ErrorInfo", debug: { reason: "CHAT_NOT_FOUND", domain: "palaver.dev" } },
        ],
      },
    });
  });
});

describe("leaving", () => {
  it("never stops a turn, and a late watcher sees the preview from the first delta (STREAM-2, STREAM-14)", async () => {
    const script = await server.script([text("one two ", { chunk: 4 }), gate("here"), text("three")]);
    const chatId = await newChat(replica.client, `anthropic/${script.model}`, "go");
    const first = new Watch(replica.client, { chatId });
    await first.event("messagePart", ({ seq }) => seq === 2n);
    await first[Symbol.asyncDispose]();
    await using late = new Watch(replica.client, { chatId });
    await late.event("caughtUp");
    const before = late.events.slice(
      0,
      late.events.findIndex((event) => event.case === "caughtUp"),
    );
    const deltas = before.flatMap((event) => (event.case === "messagePart" ? [event.value] : []));
    expect(deltas.map(({ firstSeq, seq }) => [firstSeq, seq])).toEqual([[1n, 2n]]);
    expect(joinDeltas(deltas)).toEqual(["text: one two "]);
    await script.open("here");
    await late.status(ChatStatus.WAITING);
    expect(textOf(late.messages().at(-1))).toBe("one two three");
    expect(late.all("messagePart").map(({ seq }) => seq)).toEqual([2n, 3n]);
  });

  it("two watchers end equal (STREAM-12)", async () => {
    const script = await server.script([text("to both of you", { chunk: 2 }), gate("end")]);
    const chatId = await newChat(replica.client, `anthropic/${script.model}`);
    await using one = new Watch(replica.client, { chatId });
    await using two = new Watch(
      createClient(ChatService, createConnectTransport({ baseUrl: replica.url, httpVersion: "1.1" })),
      { chatId },
    );
    await Promise.all([one.event("caughtUp"), two.event("caughtUp")]);
    const marks = [one.mark, two.mark] as const;
    await replica.client.sendMessage({ chatId, parts: says("hi") });
    for (const watch of [one, two]) await watch.event("messagePart", ({ seq }) => seq === 7n);
    await script.open("end");
    await Promise.all([one.status(ChatStatus.WAITING, marks[0]), two.status(ChatStatus.WAITING, marks[1])]);
    expect(one.messages()).toEqual(two.messages());
    for (const watch of [one, two]) {
      expect(joinDeltas(watch.all("messagePart"))).toEqual(["text: to both of you"]);
      expect(watch.all("messagePart").at(-1)?.seq).toBe(7n);
    }
  });
});
