import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createClient } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { expect, test } from "vitest";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../src/gen/grpc/health/v1/health_pb.js";
import type { TokenVerifier } from "../../src/server/index.js";
import { GrpcJsClient } from "../kit/grpc-js-client.js";
import { until } from "../kit/until.js";
import { someChatId, startTestServer } from "./test-server.js";
import { connectWire, errorOf, wires } from "./wire-clients.js";

const run = promisify(execFile);

/** A stream of one message that then waits for its end, and says when it came. */
function openEnded() {
  const state = { started: 0, ended: 0 };
  return {
    state,
    async *subscribe(_: unknown, { signal }: { signal: AbortSignal }) {
      state.started += 1;
      try {
        yield { cursor: "first" };
        await new Promise<void>((resolve) =>
          signal.addEventListener("abort", () => resolve(), { once: true }),
        );
      } finally {
        state.ended += 1;
      }
    },
  };
}

test.each(wires)("unary calls and streams work over %s", async (wire) => {
  await using server = await startTestServer({
    chat: {
      getChat: ({ chatId }) => ({ chat: { id: chatId, title: "grüß dich" } }),
      async *subscribe() {
        for (const cursor of ["one", "two", "three"]) yield { cursor };
      },
    },
  });
  using client = connectWire(wire, server.url);
  expect(await client.chat.getChat({ chatId: someChatId })).toMatchObject({ chat: { title: "grüß dich" } });
  const cursors: string[] = [];
  for await (const { cursor } of client.chat.subscribe({ chatId: someChatId })) cursors.push(cursor);
  expect(cursors).toEqual(["one", "two", "three"]);
});

test("grpc-js calls and leaves", async () => {
  const chat = openEnded();
  await using server = await startTestServer({
    chat: { getChat: () => ({ chat: { title: "x" } }), ...chat },
  });
  using client = new GrpcJsClient(ChatService, server.url);
  expect(await client.unary("getChat", { chatId: someChatId })).toMatchObject({ chat: { title: "x" } });
  const stream = client.serverStream("subscribe", { chatId: someChatId });
  stream.on("error", () => undefined);
  const [first] = await stream.take(1).toArray();
  expect(first).toMatchObject({ cursor: "first" });
  stream.cancel();
  await until(() => chat.state.ended === 1, { what: "the end of the stream" });
});

test("buf curl lists services and calls them", async () => {
  await using server = await startTestServer({ chat: { getChat: () => ({ chat: { title: "x" } }) } });
  const buf = async (...args: string[]): Promise<string> => {
    // Elsewhere than in the project, so that it knows the schema by reflection alone.
    const { stdout } = await run(
      `${process.cwd()}/node_modules/.bin/buf`,
      ["curl", "--http2-prior-knowledge", ...args],
      {
        cwd: "/",
      },
    );
    return stdout;
  };
  for (const reflection of ["grpc-v1", "grpc-v1alpha"]) {
    expect(
      (
        await buf("--protocol", "grpc", "--reflect-protocol", reflection, "--list-services", server.url)
      ).split("\n"),
    ).toEqual([
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "palaver.chat.v1.ChatService",
      "",
    ]);
  }
  for (const protocol of ["grpc", "grpcweb", "connect"]) {
    const url = `${server.url}/palaver.chat.v1.ChatService/GetChat`;
    const answer = await buf("--protocol", protocol, "-d", JSON.stringify({ chat_id: someChatId }), url);
    expect(JSON.parse(answer)).toEqual({ chat: { title: "x" } });
  }
});

test("a browser's POST and a side-effect free GET work with JSON over HTTP/1.1", async () => {
  await using server = await startTestServer({ chat: { getChat: () => ({ chat: { title: "x" } }) } });
  const url = `${server.url}/palaver.chat.v1.ChatService/GetChat`;
  const message = JSON.stringify({ chatId: someChatId });
  const headers = { "content-type": "application/json", origin: server.url };
  expect(await (await fetch(url, { method: "POST", headers, body: message })).json()).toEqual({
    chat: { title: "x" },
  });
  const query = new URLSearchParams({ encoding: "json", message });
  expect(await (await fetch(`${url}?${query.toString()}`)).json()).toEqual({ chat: { title: "x" } });
});

test("people and probes are answered in plain text", async () => {
  await using server = await startTestServer();
  const home = await fetch(server.url);
  expect(home.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(await home.text()).toContain("Palaver");
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  server.setDraining();
  expect((await fetch(`${server.url}/healthz`)).status).toBe(503);
  expect((await fetch(`${server.url}/healthz`, { method: "POST" })).status).toBe(405);
});

test("health tells of every service, and watchers of the change", async () => {
  await using server = await startTestServer();
  const sessionManager = new Http2SessionManager(server.url);
  const client = createClient(Health, createGrpcTransport({ baseUrl: server.url, sessionManager }));
  for (const service of ["", "palaver.chat.v1.ChatService"]) {
    expect(await client.check({ service })).toMatchObject({ status: ServingStatus.SERVING });
  }
  expect(await errorOf(client.check({ service: "no.such" }))).toMatchObject({
    code: "NotFound",
    reason: "UNKNOWN_SERVICE",
  });
  const unknown = client.watch({ service: "no.such" })[Symbol.asyncIterator]();
  expect(await unknown.next()).toMatchObject({ value: { status: ServingStatus.SERVICE_UNKNOWN } });
  const watch = client.watch({})[Symbol.asyncIterator]();
  expect(await watch.next()).toMatchObject({ value: { status: ServingStatus.SERVING } });
  server.setDraining();
  expect(await watch.next()).toMatchObject({ value: { status: ServingStatus.NOT_SERVING } });
  expect(await client.check({})).toMatchObject({ status: ServingStatus.NOT_SERVING });
  sessionManager.abort();
});

test.each([...wires, "grpc-js"] as const)(
  "shutting down ends streams over %s with SHUTTING_DOWN",
  async (wire) => {
    const chat = openEnded();
    await using server = await startTestServer({ chat });
    using client =
      wire === "grpc-js" ? new GrpcJsClient(ChatService, server.url) : connectWire(wire, server.url);
    const stream: AsyncIterable<{ cursor: string }> =
      client instanceof GrpcJsClient
        ? client.serverStream("subscribe", { chatId: someChatId })
        : client.chat.subscribe({ chatId: someChatId });
    const cursors: string[] = [];
    const ending = errorOf(
      (async () => {
        for await (const { cursor } of stream) cursors.push(cursor);
      })(),
    );
    await until(() => cursors.length === 1, { what: "the first message" });
    const closed = server.close({ graceMs: 60_000 });
    expect(await ending).toMatchObject({
      code: "Unavailable",
      reason: "SHUTTING_DOWN",
      domain: "palaver.dev",
    });
    await closed;
    expect(chat.state).toEqual({ started: 1, ended: 1 });
  },
);

test("a stream that ignores its signal ends all the same", async () => {
  let ended = false;
  await using server = await startTestServer({
    chat: {
      async *subscribe() {
        try {
          yield { cursor: "first" };
          await new Promise<never>(() => undefined);
        } finally {
          ended = true;
        }
      },
    },
  });
  using client = connectWire("grpc", server.url);
  const stream = client.chat.subscribe({ chatId: someChatId })[Symbol.asyncIterator]();
  await stream.next();
  const ending = errorOf(stream.next());
  await server.close({ graceMs: 60_000 });
  expect(await ending).toMatchObject({ reason: "SHUTTING_DOWN" });
  expect(ended).toBe(false);
});

test("shutting down lets unary calls finish, and refuses new ones", async () => {
  let finish: (() => void) | undefined;
  await using server = await startTestServer({
    chat: {
      getChat: async (_, { signal }) => {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return { chat: { title: signal.aborted ? "aborted" : "finished" } };
      },
    },
  });
  using client = connectWire("connect-json-h1", server.url);
  const running = client.chat.getChat({ chatId: someChatId });
  await until(() => finish, { what: "the call" });
  const closed = server.close({ graceMs: 60_000 });
  expect(server.shutdownSignal.aborted).toBe(true);
  finish?.();
  expect(await running).toMatchObject({ chat: { title: "finished" } });
  await closed;
});

test("the server answers a deadline itself, on unary calls and streams", async () => {
  const chat = openEnded();
  await using server = await startTestServer({
    chat: {
      ...chat,
      getChat: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
    },
  });
  const call = (
    method: string,
    contentType: string,
    body: string | Uint8Array<ArrayBuffer>,
  ): Promise<Response> =>
    fetch(`${server.url}/palaver.chat.v1.ChatService/${method}`, {
      method: "POST",
      headers: { "content-type": contentType, "connect-timeout-ms": "20" },
      body,
    });
  const message = JSON.stringify({ chatId: someChatId });
  const late = {
    code: "deadline_exceeded",
    details: [{ debug: { reason: "DEADLINE_EXCEEDED", domain: "palaver.dev" } }],
  };
  const unary = await call("GetChat", "application/json", message);
  expect(unary.status).toBe(504);
  expect(await unary.json()).toMatchObject(late);
  const envelope = encodeEnvelope(0, new TextEncoder().encode(message));
  const stream = await (await call("Subscribe", "application/connect+json", envelope)).text();
  expect(JSON.parse(stream.slice(stream.indexOf('{"error"')))).toMatchObject({ error: late });
  expect(chat.state).toEqual({ started: 1, ended: 1 });
});

test("a stream whose client disconnects ends, and is no failure", async () => {
  const chat = openEnded();
  await using server = await startTestServer({ chat });
  using client = connectWire("connect-json-h1", server.url);
  const leave = new AbortController();
  const stream = client.chat
    .subscribe({ chatId: someChatId }, { signal: leave.signal })
    [Symbol.asyncIterator]();
  await stream.next();
  leave.abort();
  expect(await errorOf(stream.next())).toMatchObject({ code: "Canceled" });
  await until(() => chat.state.ended === 1, { what: "the end of the stream" });
  expect(server.lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
});

test("calls are logged with method and outcome, without content or token", async () => {
  const verifier: TokenVerifier = {
    verify: () => Promise.resolve({ owner: "ada", role: "user", tokenId: "token-1" }),
  };
  await using server = await startTestServer({
    access: { kind: "tokens", verifier },
    chat: { getChat: () => ({ chat: { title: "title-secret" } }) },
  });
  using client = connectWire("grpc", server.url);
  const headers = { authorization: "Bearer token-secret" };
  await client.chat.getChat({ chatId: someChatId }, { headers });
  await client.chat.createChat({ title: "title-secret" }, { headers }).catch(() => undefined);
  const calls = await until(() => server.lines.length >= 2 && server.lines, { what: "two log lines" });
  expect(calls.map(({ level, fields }) => ({ level, ...fields }))).toMatchObject([
    {
      level: "debug",
      method: "palaver.chat.v1.ChatService/GetChat",
      wire: "grpc",
      code: "OK",
      token_id: "token-1",
    },
    {
      level: "info",
      method: "palaver.chat.v1.ChatService/CreateChat",
      code: "Unimplemented",
      reason: "UNIMPLEMENTED",
    },
  ]);
  expect(JSON.stringify(calls)).not.toMatch(/secret/);
});
