import { fromBinary } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { someChatId, startTestServer, type TestServer } from "./test-server.js";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    limits: { maxMessageBytes: 1024 * 1024, maxTimeoutMs: 60_000 },
    chat: {
      getChat: () => ({}),
      deleteChat: () => ({}),
      async *subscribe() {
        yield {};
      },
    },
  });
});
afterAll(() => server.close({ graceMs: 0 }));

interface JsonError {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly value: string }[];
}

/** The status and the error of a request, with the reason as the bytes of ErrorInfo have it. */
async function refused(method: string, init: RequestInit): Promise<Record<string, unknown>> {
  const response = await fetch(`${server.url}/palaver.chat.v1.ChatService/${method}`, {
    method: "POST",
    ...init,
  });
  expect(response.headers.get("content-type")).toBe("application/json");
  return { status: response.status, ...explained((await response.json()) as JsonError) };
}

function explained({ code, details }: JsonError): {
  code: string;
  reason: string | undefined;
  domain: string | undefined;
} {
  const detail = details.find(({ type }) => type === "google.rpc.ErrorInfo");
  const info = detail && fromBinary(ErrorInfoSchema, base64Decode(detail.value));
  return { code, reason: info?.reason, domain: info?.domain };
}

const json = { "content-type": "application/json" };
const goodBody = JSON.stringify({ chatId: someChatId });
const malformed = {
  status: 400,
  code: "invalid_argument",
  reason: "MALFORMED_REQUEST",
  domain: "palaver.dev",
};

describe("unary calls of Connect", () => {
  test.each([
    ["JSON that is none", { headers: json, body: "{" }, malformed],
    ["JSON of another shape", { headers: json, body: '{"chatId": [1]}' }, malformed],
    ["an empty body where JSON should be", { headers: json, body: "" }, malformed],
    [
      "bytes that are no message",
      { headers: { "content-type": "application/proto" }, body: "\xff\xff" },
      malformed,
    ],
    [
      "a timeout that is no number",
      { headers: { ...json, "connect-timeout-ms": "soon" }, body: goodBody },
      malformed,
    ],
    [
      "a timeout over the limit",
      { headers: { ...json, "connect-timeout-ms": "60001" }, body: goodBody },
      malformed,
    ],
    ["gzip that is none", { headers: { ...json, "content-encoding": "gzip" }, body: goodBody }, malformed],
    [
      "a compression nobody knows",
      { headers: { ...json, "content-encoding": "snappy" }, body: goodBody },
      { ...malformed, status: 501, code: "unimplemented", reason: "UNSUPPORTED_COMPRESSION" },
    ],
    [
      "a content type of something else",
      { headers: { "content-type": "text/plain" }, body: goodBody },
      { ...malformed, status: 415, reason: "UNSUPPORTED_CONTENT_TYPE" },
    ],
    [
      "a body over the limit",
      { headers: json, body: "x".repeat(10 * 1024 * 1024) },
      { ...malformed, status: 429, code: "resource_exhausted", reason: "MESSAGE_TOO_LARGE" },
    ],
    [
      "the wrong verb",
      { method: "PUT", headers: json, body: goodBody },
      { ...malformed, status: 405, code: "unimplemented", reason: "HTTP_METHOD_NOT_ALLOWED" },
    ],
  ])("%s", async (_, init, error) => {
    expect(await refused("GetChat", init)).toEqual(error);
  });

  test("a body over the limit whose length is not told", async () => {
    const chunks = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        controller.enqueue(new Uint8Array(1024 * 1024).fill(32));
        sent += 1;
        if (sent === 10) controller.close();
      },
    });
    let sent = 0;
    expect(await refused("GetChat", { headers: json, body: chunks, duplex: "half" })).toEqual({
      ...malformed,
      status: 429,
      code: "resource_exhausted",
      reason: "MESSAGE_TOO_LARGE",
    });
  });

  test("GET for a method with side effects", async () => {
    expect(await refused("DeleteChat", { method: "GET" })).toMatchObject({
      status: 405,
      reason: "HTTP_METHOD_NOT_ALLOWED",
    });
  });

  test.each([
    "encoding=json&message=%7B",
    "encoding=json&base64=1&message=*",
    "encoding=json&compression=snappy&message=",
    "",
  ])("GET with the query %j", async (query) => {
    const { reason, domain } = await refused(`GetChat?${query}`, { method: "GET" });
    expect(reason).toMatch(/^(MALFORMED_REQUEST|UNSUPPORTED_COMPRESSION|UNSUPPORTED_CONTENT_TYPE)$/);
    expect(domain).toBe("palaver.dev");
  });

  test.each(["/palaver.chat.v1.ChatService/Nope", "/nope", "/palaver.chat.v1.ChatService/"])(
    "the path %s",
    async (path) => {
      const response = await fetch(server.url + path, { method: "POST", headers: json, body: "{}" });
      expect(response.status).toBe(404);
      expect(explained((await response.json()) as JsonError)).toEqual({ ...unknown });
    },
  );
  const unknown = { code: "unimplemented", reason: "UNKNOWN_METHOD", domain: "palaver.dev" };
});

describe("streams of Connect", () => {
  async function endOf(
    body: Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<unknown> {
    const response = await fetch(`${server.url}/palaver.chat.v1.ChatService/Subscribe`, {
      method: "POST",
      headers: { "content-type": "application/connect+json", ...headers },
      body,
    });
    expect(response.status).toBe(200);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes[0]).toBe(2);
    return explained((JSON.parse(new TextDecoder().decode(bytes.subarray(5))) as { error: JsonError }).error);
  }
  const malformedStream = { code: "invalid_argument", reason: "MALFORMED_REQUEST", domain: "palaver.dev" };
  const message = encodeEnvelope(0, new TextEncoder().encode(goodBody));

  test.each([
    ["no message", new Uint8Array()],
    ["two messages", new Uint8Array([...message, ...message])],
    ["half a message", message.subarray(0, 20)],
    ["a message that is no JSON", encodeEnvelope(0, new TextEncoder().encode("{"))],
    ["a compressed message without a compression", new Uint8Array([1, ...message.subarray(1)])],
  ])("%s", async (_, body) => {
    expect(await endOf(body)).toEqual(malformedStream);
  });

  test("headers that cannot be read", async () => {
    expect(await endOf(message, { "connect-timeout-ms": "soon" })).toEqual(malformedStream);
    expect(await endOf(message, { "connect-content-encoding": "snappy" })).toMatchObject({
      code: "unimplemented",
      reason: "UNSUPPORTED_COMPRESSION",
    });
  });

  test("called like a unary method", async () => {
    expect(await refused("Subscribe", { headers: json, body: goodBody })).toEqual({
      ...malformed,
      status: 415,
      reason: "UNSUPPORTED_CONTENT_TYPE",
    });
  });

  test("a stream both ways over HTTP/1.1", async () => {
    const response = await fetch(`${server.url}/grpc.reflection.v1.ServerReflection/ServerReflectionInfo`, {
      method: "POST",
      headers: { "content-type": "application/connect+json" },
      body: "",
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const { error } = JSON.parse(new TextDecoder().decode(bytes.subarray(5))) as { error: JsonError };
    expect(explained(error)).toMatchObject({ reason: "HTTP2_REQUIRED" });
  });
});

describe("gRPC", () => {
  async function trailersOf(
    path: string,
    headers: Record<string, string>,
    body = "",
  ): Promise<Record<string, unknown>> {
    const session = connectHttp2(server.url);
    try {
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        ...headers,
      });
      const trailers: Record<string, unknown> = {};
      for (const event of ["response", "trailers"])
        stream.on(event, (more: object) => Object.assign(trailers, more));
      stream.end(body);
      stream.resume();
      await once(stream, "close");
      return trailers;
    } finally {
      session.destroy();
    }
  }
  const getChat = "/palaver.chat.v1.ChatService/GetChat";

  test.each([
    ["an unknown method", "/palaver.chat.v1.ChatService/Nope", {}, "12", "UNKNOWN_METHOD"],
    ["no message", getChat, {}, "3", "MALFORMED_REQUEST"],
    ["a timeout that is none", getChat, { "grpc-timeout": "soon" }, "3", "MALFORMED_REQUEST"],
    ["a compression nobody knows", getChat, { "grpc-encoding": "snappy" }, "12", "UNSUPPORTED_COMPRESSION"],
    [
      "another codec",
      getChat,
      { "content-type": "application/grpc+thrift" },
      "3",
      "UNSUPPORTED_CONTENT_TYPE",
    ],
  ])("%s", async (_, path, headers, status, reason) => {
    const trailers = await trailersOf(path, headers);
    expect(trailers).toMatchObject({ ":status": 200, "grpc-status": status });
    const details = Buffer.from(String(trailers["grpc-status-details-bin"]), "base64").toString("latin1");
    expect(details).toContain(reason);
    expect(details).toContain("palaver.dev");
  });
});

describe("requests that are no HTTP worth the name", () => {
  test.each(["Host: a b", "Host: [", "Host:", "X: y"])("%s", async (header) => {
    const socket = connectTcp(server.port, "127.0.0.1");
    socket.end(`GET /palaver.chat.v1.ChatService/GetChat HTTP/1.0\r\n${header}\r\n\r\n`);
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1\.1 (400|403) /);
  });

  test("and the server lives on", async () => {
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});
