import { once } from "node:events";
import { connect as connectHttp2, type Settings } from "node:http2";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Health } from "../../src/gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../../src/gen/grpc/reflection/v1/reflection_pb.js";
import { RelayService } from "../../src/gen/palaver/relay/v1/relay_service_pb.js";
import { systemClock, systemRandom } from "../../src/platform/index.js";
import {
  callerKey,
  createToken,
  type RpcLimits,
  type RpcServer,
  startRpcServer,
} from "../../src/server/index.js";
import { type Authority, type Certificate, createAuthority } from "../kit/certificates.js";
import { GrpcJsClient } from "../kit/grpc-js-client.js";
import { until } from "../kit/until.js";
import { type LogLine, recordingLogger, someChatId } from "./test-server.js";
import { errorOf } from "./wire-clients.js";

const clusterToken = "a-token-that-all-replicas-of-a-cluster-have";
const asPeer = { headers: { authorization: `Bearer ${clusterToken}` } };
const someRequest = { chatId: someChatId, workerId: someChatId };

let authority: Authority;
let certificate: Certificate;
beforeAll(async () => {
  authority = await createAuthority();
  // The purposes that a replica's certificate needs, if it is restricted to any.
  certificate = await authority.issue({ purposes: "serverAuth,clientAuth" });
});
afterAll(() => authority[Symbol.asyncDispose]());

const links = {
  "without TLS": () => undefined,
  "with mutual TLS": () => ({ cert: certificate.cert, key: certificate.key, ca: authority.ca }),
};

interface PeerServer extends RpcServer {
  readonly lines: LogLine[];
  /** Calls that came as far as the service. */
  readonly calls: () => number;
}

async function start(
  tls: ReturnType<(typeof links)[keyof typeof links]>,
  limits?: RpcLimits,
): Promise<PeerServer> {
  const { logger, lines } = recordingLogger();
  let calls = 0;
  const server = await startRpcServer({
    host: "127.0.0.1",
    port: 0,
    access: { kind: "peers", token: clusterToken },
    tls,
    services: (router) => {
      router.service(RelayService, {
        async *streamDeltas({ chatId }, { signal, values }) {
          calls += 1;
          if (chatId !== someChatId) throw new Error(values.get(callerKey).owner);
          yield {};
          await new Promise<void>((resolve) =>
            signal.addEventListener("abort", () => resolve(), { once: true }),
          );
        },
      });
    },
    limits,
    clock: systemClock,
    random: systemRandom,
    logger,
  });
  return { ...server, lines, calls: () => calls };
}

describe.each(Object.keys(links) as (keyof typeof links)[])("the listener for peers, %s", (link) => {
  let server: PeerServer;
  let sessions: Http2SessionManager;
  let relay: Client<typeof RelayService>;
  beforeAll(async () => {
    server = await start(links[link]());
    sessions = new Http2SessionManager(server.url, {}, links[link]());
    relay = createClient(
      RelayService,
      createGrpcTransport({ baseUrl: server.url, sessionManager: sessions }),
    );
  });
  afterAll(async () => {
    sessions.abort();
    await server.close({ graceMs: 0 });
  });

  const dial = (options: { headers?: Record<string, string> }, request = someRequest) =>
    relay.streamDeltas(request, options)[Symbol.asyncIterator]().next();

  test("lets in whoever has the token of the cluster", async () => {
    expect(await dial(asPeer)).toMatchObject({ done: false });
    expect(await dial({ headers: { authorization: `bearer ${clusterToken}` } })).toMatchObject({
      done: false,
    });
  });

  test("refuses everybody else before anything is done", async () => {
    const before = server.calls();
    expect(await errorOf(dial({}))).toMatchObject({ code: "Unauthenticated", reason: "MISSING_CREDENTIAL" });
    const apiToken = createToken(systemRandom).token;
    for (const bad of [
      `Bearer ${apiToken}`,
      `Bearer ${clusterToken}x`,
      `Bearer ${clusterToken.slice(0, -1)}`,
      `Basic ${clusterToken}`,
      clusterToken,
      "Bearer",
    ]) {
      expect(await errorOf(dial({ headers: { authorization: bad } }))).toMatchObject({
        code: "Unauthenticated",
        reason: "INVALID_CREDENTIAL",
        domain: "palaver.dev",
      });
    }
    expect(server.calls()).toBe(before);
    expect(JSON.stringify(server.lines)).not.toContain(clusterToken);
    expect(JSON.stringify(server.lines)).not.toContain(apiToken);
  });

  test("knows of no caller in whose name a peer could act", async () => {
    const error = await errorOf(
      dial(asPeer, { ...someRequest, chatId: "00000000-0000-4000-8000-000000000001" }),
    );
    expect(error).toMatchObject({ code: "Unauthenticated", reason: "MISSING_CREDENTIAL" });
  });

  test("serves other gRPC clients too", async () => {
    const tls = links[link]();
    using client = new GrpcJsClient(
      RelayService,
      // By name: gRPC sends it in its handshake, where addresses may not stand.
      server.url.replace("127.0.0.1", "localhost"),
      tls && credentials.createSsl(Buffer.from(tls.ca), Buffer.from(tls.key), Buffer.from(tls.cert)),
    );
    const stream = client.serverStream("streamDeltas", someRequest, { header: asPeer.headers });
    const [first] = (await once(stream, "data")) as [unknown];
    expect(first).toMatchObject({ events: [] });
    stream.on("error", () => undefined);
    stream.cancel();
  });

  test("tells strangers whether it takes calls, and nothing else", async () => {
    const transport = createGrpcTransport({ baseUrl: server.url, sessionManager: sessions });
    expect(await createClient(Health, transport).check({})).toMatchObject({ status: 1 });
    const reflection = createClient(ServerReflection, transport).serverReflectionInfo(
      (async function* () {
        yield { messageRequest: { case: "listServices" as const, value: "" } };
      })(),
    );
    expect(await errorOf(reflection[Symbol.asyncIterator]().next())).toMatchObject({ code: "Unimplemented" });
    expect(await get("/healthz")).toMatchObject({ status: 200 });
    const front = await get("/");
    expect(front.status).toBe(404);
    expect(front.body).not.toContain("Palaver server");
  });

  test("takes all calls that a peer makes over one connection, and not many more from a stranger", async () => {
    const session = connectHttp2(server.url, links[link]());
    const [settings] = (await once(session, "remoteSettings")) as [Settings];
    // Health needs no token, and each of its streams takes memory.
    expect(settings.maxConcurrentStreams).toBeGreaterThan(900);
    expect(settings.maxConcurrentStreams).toBeLessThan(5_000);
    session.destroy();
  });

  test("ends its streams with a reason when it stops", async () => {
    await using other = await start(links[link]());
    const manager = new Http2SessionManager(other.url, {}, links[link]());
    const client = createClient(
      RelayService,
      createGrpcTransport({ baseUrl: other.url, sessionManager: manager }),
    );
    const stream = client.streamDeltas(someRequest, asPeer)[Symbol.asyncIterator]();
    await stream.next();
    const end = errorOf(stream.next());
    await other.close({ graceMs: 10_000 });
    expect(await end).toMatchObject({ code: "Unavailable", reason: "SHUTTING_DOWN" });
    manager.abort();
  });

  async function get(path: string): Promise<{ status: number; body: string }> {
    const session = connectHttp2(server.url, links[link]());
    const stream = session.request({ ":path": path });
    const [headers] = (await once(stream, "response")) as [{ ":status": number }];
    let body = "";
    for await (const chunk of stream.setEncoding("utf8")) body += chunk as string;
    session.destroy();
    return { status: headers[":status"], body };
  }
});

test("a failed handshake is a line for whoever looks for it", async () => {
  await using server = await start(links["with mutual TLS"]());
  const session = connectHttp2(server.url, { ca: authority.ca });
  session.on("error", () => undefined);
  const stream = session.request({ ":path": "/healthz" });
  stream.on("error", () => undefined);
  await until(() => server.lines.length > 0, { what: "the line" });
  expect(server.lines).toMatchObject([{ level: "debug", text: "a TLS handshake failed" }]);
});

test("peers may be on other machines", async () => {
  const { logger } = recordingLogger();
  await using server = await startRpcServer({
    host: "0.0.0.0",
    port: 0,
    access: { kind: "peers", token: clusterToken },
    services: () => undefined,
    clock: systemClock,
    random: systemRandom,
    logger,
  });
  expect(server.url).toBe(`http://0.0.0.0:${server.port}`);
});
