import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ManualClock, silentLogger, systemClock, systemRandom } from "../../src/platform/index.js";
import { callerKey, StartError, startRpcServer, type TokenVerifier } from "../../src/server/index.js";
import { GrpcJsClient } from "../kit/grpc-js-client.js";
import { until } from "../kit/until.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.js";
import { someChatId, startTestServer, type TestServer } from "./test-server.js";
import { connectWire, errorOf, wires } from "./wire-clients.js";

/** Tokens named after their owners; the test decides which are good. */
class SomeTokens implements TokenVerifier {
  readonly good = new Set(["ada", "grace"]);
  down = false;
  asked = 0;

  verify(token: string) {
    this.asked += 1;
    if (this.down) return Promise.reject(new Error("secret: the database is down"));
    return Promise.resolve(
      this.good.has(token) ? { owner: token, role: "user" as const, tokenId: `id-of-${token}` } : undefined,
    );
  }
}

const whoAmI = {
  getChat: (_: unknown, { values }: { values: { get(key: typeof callerKey): { owner: string } } }) => ({
    chat: { title: values.get(callerKey).owner },
  }),
};

describe("with tokens", () => {
  const tokens = new SomeTokens();
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ access: { kind: "tokens", verifier: tokens }, chat: whoAmI });
  });
  afterAll(() => server.close({ graceMs: 0 }));

  test.each(wires)("the caller of a call over %s is known by its token", async (wire) => {
    using client = connectWire(wire, server.url);
    const as = (authorization: string) =>
      client.chat.getChat({ chatId: someChatId }, { headers: { authorization } });
    expect(await as("Bearer ada")).toMatchObject({ chat: { title: "ada" } });
    expect(await as("bearer grace")).toMatchObject({ chat: { title: "grace" } });
    for (const bad of ["Bearer eve", "Bearer", "ada", "Basic ada", "Bearer ada grace"]) {
      expect(await errorOf(as(bad))).toMatchObject({
        code: "Unauthenticated",
        reason: "INVALID_CREDENTIAL",
        domain: "palaver.dev",
      });
    }
    expect(await errorOf(client.chat.getChat({ chatId: someChatId }))).toMatchObject({
      code: "Unauthenticated",
      reason: "MISSING_CREDENTIAL",
    });
    expect(
      await errorOf(client.chat.subscribe({ chatId: someChatId })[Symbol.asyncIterator]().next()),
    ).toMatchObject({
      code: "Unauthenticated",
      reason: "MISSING_CREDENTIAL",
    });
  });

  test("the credential is looked at before the request", async () => {
    using client = connectWire("grpc", server.url);
    const error = await errorOf(client.chat.createChat({ title: "x".repeat(5 * 1024 * 1024) }));
    expect(error).toMatchObject({ reason: "MISSING_CREDENTIAL" });
  });

  test("grpc-js sends its token as metadata", async () => {
    using client = new GrpcJsClient(ChatService, server.url);
    const header = { authorization: "Bearer ada" };
    expect(await client.unary("getChat", { chatId: someChatId }, { header })).toMatchObject({
      chat: { title: "ada" },
    });
    expect(await errorOf(client.unary("getChat", { chatId: someChatId }))).toMatchObject({
      reason: "MISSING_CREDENTIAL",
    });
  });

  test("health needs no credential", async () => {
    using client = new GrpcJsClient(Health, server.url);
    expect(await client.unary("check", {})).toMatchObject({ status: 1 });
  });

  test("a refused call tells an HTTP client how to authenticate", async () => {
    const url = `${server.url}/palaver.chat.v1.ChatService/GetChat`;
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
  });

  test("a verifier that fails refuses the call, and does not say why", async () => {
    const failing = new SomeTokens();
    failing.down = true;
    await using other = await startTestServer({
      access: { kind: "tokens", verifier: failing },
      chat: whoAmI,
    });
    using client = connectWire("connect-json-h1", other.url);
    const error = await errorOf(
      client.chat.getChat({ chatId: someChatId }, { headers: { authorization: "Bearer ada" } }),
    );
    expect(error).toMatchObject({ code: "Internal", reason: "INTERNAL" });
    expect(error.message).not.toMatch(/secret/);
  });
});

describe("a token that is revoked while streams are open", () => {
  async function* wait(_: unknown, { signal }: { signal: AbortSignal }) {
    yield { cursor: "first" };
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  test("ends them, and only them, within 20 s", async () => {
    const clock = new ManualClock();
    const tokens = new SomeTokens();
    await using server = await startTestServer({
      access: { kind: "tokens", verifier: tokens },
      chat: { subscribe: wait },
      clock,
      // Nothing but the checks is to be waited for.
      limits: { pingIntervalMs: 1_000_000_000 },
    });
    using client = connectWire("grpc", server.url);
    const open = async (owner: string) => {
      const headers = { authorization: `Bearer ${owner}` };
      const stream = client.chat.subscribe({ chatId: someChatId }, { headers })[Symbol.asyncIterator]();
      await stream.next();
      return stream;
    };
    const [ada, alsoAda, grace] = [await open("ada"), await open("ada"), await open("grace")];
    expect(tokens.asked).toBe(3);

    // While nobody can tell, nothing is revoked.
    tokens.down = true;
    clock.advance(10_000);
    await until(() => server.lines.filter(({ level }) => level === "warn").length === 2, {
      what: "both checks to fail",
    });
    expect(tokens.asked).toBe(5);
    tokens.down = false;
    tokens.good.delete("ada");

    const endings = [errorOf(ada.next()), errorOf(alsoAda.next())];
    const graceEnds = errorOf(grace.next());
    await until(() => clock.nextDueMs === 10_000, { what: "the next check to be due" });
    clock.advance(10_000);
    for (const ending of endings) {
      expect(await ending).toMatchObject({
        code: "Unauthenticated",
        reason: "CREDENTIAL_REVOKED",
        domain: "palaver.dev",
      });
    }
    await server.close({ graceMs: 0 });
    expect(await graceEnds).toMatchObject({ reason: "SHUTTING_DOWN" });
  });
});

describe("without tokens", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ chat: whoAmI });
  });
  afterAll(() => server.close({ graceMs: 0 }));

  /** The answer to a request with just these headers, which fetch does not let one choose. */
  function send(
    headers: Record<string, string>,
    path = "/palaver.chat.v1.ChatService/GetChat",
  ): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const sent = request({
        port: server.port,
        path,
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
      });
      sent.on("error", reject).on("response", (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      });
      sent.end(JSON.stringify({ chatId: someChatId }));
    });
  }

  test("everybody is one and the same user, whatever token they send", async () => {
    expect(await send({})).toMatchObject({ status: 200, body: expect.stringContaining('"dev"') });
    expect(await send({ authorization: "Bearer eve" })).toMatchObject({ status: 200 });
  });

  test.each([
    { host: "localhost" },
    { host: "LOCALHOST:1234" },
    { host: "palaver.localhost:1" },
    { host: "127.1.2.3:80" },
    { host: "[::1]:80" },
    { host: "localhost", origin: "http://localhost:5173" },
    { host: "localhost", origin: "https://127.0.0.1" },
    { host: "localhost", origin: "http://[::1]:80", "sec-fetch-site": "same-site" },
  ])("%j is answered", async (headers) => {
    expect(await send(headers)).toMatchObject({ status: 200 });
  });

  test.each([
    [{ host: "evil.example" }, "HOST_NOT_ALLOWED"],
    [{ host: "localhost.evil.example" }, "HOST_NOT_ALLOWED"],
    [{ host: "127.0.0.1.evil.example" }, "HOST_NOT_ALLOWED"],
    [{ host: "evil.example@localhost.example" }, "HOST_NOT_ALLOWED"],
    [{ host: "192.168.0.1" }, "HOST_NOT_ALLOWED"],
    [{ host: "0.0.0.0" }, "HOST_NOT_ALLOWED"],
    [{ host: "localhost", origin: "https://evil.example" }, "ORIGIN_NOT_ALLOWED"],
    [{ host: "localhost", origin: "http://localhost.evil.example" }, "ORIGIN_NOT_ALLOWED"],
    [{ host: "localhost", origin: "null" }, "ORIGIN_NOT_ALLOWED"],
    [{ host: "localhost", origin: "" }, "ORIGIN_NOT_ALLOWED"],
    [{ host: "localhost", "sec-fetch-site": "cross-site" }, "ORIGIN_NOT_ALLOWED"],
  ])("%j is refused", async (headers, reason) => {
    const { status, body } = await send(headers);
    expect(status).toBe(403);
    expect(body).toContain(reason);
    expect((await send(headers, "/healthz")).status).toBe(403);
  });

  test("over HTTP/2 the authority counts as the host", async () => {
    using client = connectWire("grpc", server.url);
    expect(await client.chat.getChat({ chatId: someChatId })).toMatchObject({ chat: { title: "dev" } });
    const origin = { headers: { origin: "https://evil.example" } };
    expect(await errorOf(client.chat.getChat({ chatId: someChatId }, origin))).toMatchObject({
      reason: "ORIGIN_NOT_ALLOWED",
    });
  });

  test.each(["0.0.0.0", "::", "192.0.2.1", "example.com"])("it does not start on %s", async (host) => {
    const options = {
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      services: () => undefined,
    };
    const error = await startRpcServer({ host, port: 0, access: { kind: "development" }, ...options }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(StartError);
    expect(error).toMatchObject({ reason: "DEV_MODE_NEEDS_LOOPBACK" });
  });
});
