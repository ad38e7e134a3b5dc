import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, expect, test } from "vitest";
import { RelayService } from "../../src/gen/palaver/relay/v1/relay_service_pb.js";
import {
  type Clock,
  type Logger,
  ManualClock,
  noMetrics,
  silentLogger,
  systemClock,
  systemRandom,
} from "../../src/platform/index.js";
import { createRelayService, Peers, RelayMetrics } from "../../src/relay/index.js";
import { startRpcServer } from "../../src/server/index.js";
import { DeltaLog } from "../../src/stream/index.js";
import { openTcpGate } from "../kit/tcp-gate.js";
import { until } from "../kit/until.js";

const token = "plv_c_peers";
const workerId = crypto.randomUUID();
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** A replica that relays, behind a link that can be cut. */
async function startPeer() {
  const service = createRelayService({
    replicaId: workerId,
    episodes: new DeltaLog({ clock: systemClock }),
    metrics: new RelayMetrics(noMetrics),
  });
  const server = await startRpcServer({
    host: "127.0.0.1",
    port: 0,
    access: { kind: "peers", token },
    services: (router) => void router.service(RelayService, service),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  cleanups.push(() => server.close({ graceMs: 0 }));
  const link = await openTcpGate({ host: "127.0.0.1", port: server.port });
  cleanups.push(() => link[Symbol.asyncDispose]());
  return link;
}

/** Takes calls, and says nothing to any of them by itself. */
async function mutePeer(): Promise<{ url: string; streams: readonly ServerHttp2Stream[] }> {
  const server = createServer();
  const sockets = new Set<Socket>();
  const streams: ServerHttp2Stream[] = [];
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("stream", (stream) => {
    streams.push(stream);
    stream.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, streams };
}

/** What was logged, and how often. */
function countingLogger(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const write = (_fields: unknown, line: string): void => void lines.push(line);
  const logger = Object.assign(Object.create(silentLogger) as Logger, { warn: write, info: write });
  return { logger, lines };
}

function peersOf(clock: Clock): { peers: Peers; lines: string[] } {
  const { logger, lines } = countingLogger();
  const peers = new Peers({ token, tls: undefined }, { clock, logger });
  cleanups.push(() => peers[Symbol.dispose]());
  return { peers, lines };
}

/** One call: whether it is accepted, and then how it ends. */
function call(peers: Peers, url: string, chatId: string = crypto.randomUUID()) {
  const leaving = new AbortController();
  cleanups.push(() => leaving.abort());
  let responses = 0;
  let accept: () => void;
  const accepted = new Promise<void>((resolve) => (accept = resolve));
  const received = (): void => {
    responses += 1;
    accept();
  };
  const end = peers
    .streamDeltas(url, { chatId, workerId }, { signal: leaving.signal, received })
    .catch((error: unknown) => error);
  return { accepted, end, responses: () => responses };
}

test("a peer that dies with hundreds of relays is told of once, and carries them all when it is back", async () => {
  const link = await startPeer();
  const url = `http://127.0.0.1:${link.port}`;
  const { peers, lines } = peersOf(systemClock);
  const chatIds = Array.from({ length: 300 }, () => crypto.randomUUID());
  const before = chatIds.map((chatId) => call(peers, url, chatId));
  await Promise.all(before.map(({ accepted }) => accepted));
  expect(link.connections).toBe(1);
  expect(lines).toEqual([]);

  link.sever();
  for (const end of await Promise.all(before.map(({ end }) => end))) expect(end).toBeInstanceOf(ConnectError);
  const refused = await Promise.all(chatIds.slice(0, 200).map((chatId) => call(peers, url, chatId).end));
  for (const end of refused) expect(end).toMatchObject({ code: Code.Unavailable });
  expect(lines).toEqual(["a replica does not answer: what its chats generate is not shown here"]);

  link.mend();
  await Promise.all(chatIds.map((chatId) => call(peers, url, chatId).accepted));
  expect(link.connections).toBe(1);
  expect(lines.slice(1)).toEqual(["a replica answers again"]);
});

test("a peer that takes calls and answers none has 5 s for each, however many waited before it", async () => {
  const { url } = await mutePeer();
  const clock = new ManualClock();
  const { peers, lines } = peersOf(clock);
  const first = Array.from({ length: 128 }, () => call(peers, url));
  const last = call(peers, url);
  const ended: string[] = [];
  void first[0]?.end.then(() => ended.push("first"));
  void last.end.then(() => ended.push("last"));
  // The limit runs as soon as a call has its place.
  await until(() => clock.pending >= 128, { what: "the calls to be under way" });
  clock.advance(4_999);
  clock.advance(1);
  for (const { end } of first) expect(await end).toMatchObject({ code: Code.Unavailable });
  expect(ended).toEqual(["first"]);
  clock.advance(5_000);
  expect(await last.end).toMatchObject({ code: Code.Unavailable });
  expect(lines).toHaveLength(1);
});

test("a peer one of whose streams broke answers again with whatever the others bring", async () => {
  const { url, streams } = await mutePeer();
  const { peers, lines } = peersOf(systemClock);
  const calls = [call(peers, url), call(peers, url)] as const;
  const [one, other] = calls;
  await until(() => streams.length === 2, { what: "both calls" });
  const response = Uint8Array.of(0, 0, 0, 0, 0);
  for (const stream of streams) {
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
    stream.write(response);
  }
  await Promise.all(calls.map(({ accepted }) => accepted));
  streams[0]?.close(2);
  expect(await Promise.race([one.end, other.end])).toMatchObject({ code: Code.Unavailable });
  expect(lines).toHaveLength(1);
  streams[1]?.write(response);
  await until(() => one.responses() + other.responses() === 3, {
    what: "the response of the one that is left",
  });
  expect(lines.slice(1)).toEqual(["a replica answers again"]);
});
