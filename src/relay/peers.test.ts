import { once } from "node:events";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { afterEach, expect, test } from "vitest";
import { until } from "../../test/kit/until.js";
import { RelayService } from "../gen/palaver/relay/v1/relay_service_pb.js";
import {
  type Clock,
  type Logger,
  ManualClock,
  noMetrics,
  silentLogger,
  systemClock,
} from "../platform/index.js";
import { DeltaLog } from "../stream/index.js";
import { Peers } from "./peers.js";
import { RelayMetrics } from "./relay-metrics.js";
import { createRelayService } from "./relay-service.js";

const workerId = crypto.randomUUID();
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** A replica that relays, and can die. */
async function startPeer(episodes: DeltaLog, port = 0) {
  const service = createRelayService({ replicaId: workerId, episodes, metrics: new RelayMetrics(noMetrics) });
  const server: Http2Server = createServer(
    connectNodeAdapter({ routes: (router) => void router.service(RelayService, service) }),
  );
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const die = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  cleanups.push(die);
  return { port: (server.address() as AddressInfo).port, sockets, die };
}

/** Takes calls, and says nothing to any of them. */
async function deafPeer(): Promise<string> {
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("stream", (stream) => stream.on("error", () => undefined));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
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
  const peers = new Peers({ token: "t", tls: undefined }, { clock, logger });
  cleanups.push(() => peers[Symbol.dispose]());
  return { peers, lines };
}

/** One call: whether it is accepted, and then how it ends. */
function call(peers: Peers, url: string, chatId: string = crypto.randomUUID()) {
  const leaving = new AbortController();
  cleanups.push(() => leaving.abort());
  const responses = peers.streamDeltas(url, { chatId, workerId }, leaving.signal);
  const accepted = responses.next();
  const end = accepted.then(() => responses.next()).catch((error: unknown) => error);
  return { accepted, end, leave: () => leaving.abort() };
}

test("a peer that dies with hundreds of relays is told of once, and carries them all when it is back", async () => {
  const episodes = new DeltaLog({ clock: systemClock });
  const peer = await startPeer(episodes);
  const url = `http://127.0.0.1:${peer.port}`;
  const { peers, lines } = peersOf(systemClock);
  const chatIds = Array.from({ length: 300 }, () => crypto.randomUUID());
  const before = chatIds.map((chatId) => call(peers, url, chatId));
  await Promise.all(before.map(({ accepted }) => accepted));
  expect(peer.sockets.size).toBe(1);
  expect(lines).toEqual([]);

  peer.die();
  for (const end of await Promise.all(before.map(({ end }) => end))) expect(end).toBeInstanceOf(ConnectError);
  const refused = await Promise.all(chatIds.slice(0, 200).map((chatId) => call(peers, url, chatId).end));
  for (const end of refused) expect(end).toMatchObject({ code: Code.Unavailable });
  expect(lines).toEqual(["a replica does not answer: what its chats generate is not shown here"]);

  const back = await startPeer(episodes, peer.port);
  await Promise.all(chatIds.map((chatId) => call(peers, url, chatId).accepted));
  expect(back.sockets.size).toBe(1);
  expect(lines.slice(1)).toEqual(["a replica answers again"]);
});

test("a peer that takes calls and answers none has 5 s for each, however many waited before it", async () => {
  const url = await deafPeer();
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
