import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, expect, test } from "vitest";
import { ManualClock } from "../platform/index.js";
import { PeerSessions } from "./peer-sessions.js";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

async function listening(server: Server | Http2Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A peer that answers each call with headers and leaves it open. */
async function peer() {
  const sessions: ServerHttp2Session[] = [];
  const streams: ServerHttp2Stream[] = [];
  const server = createServer();
  server.on("session", (session) => sessions.push(session));
  server.on("stream", (stream) => {
    streams.push(stream);
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200 });
  });
  return { url: await listening(server), sessions, streams };
}

function connectTo(url: string, options: { maxCalls?: number; idleTimeoutMs?: number } = {}) {
  const clock = new ManualClock();
  const peers = new PeerSessions({ url, clock, ...options });
  cleanups.push(() => peers[Symbol.dispose]());
  const call = async () => {
    const stream = await peers.post("/", {});
    stream.on("error", () => undefined);
    await once(stream, "response");
    return stream;
  };
  return { clock, peers, call };
}

test("all calls share a connection", async () => {
  const { url, sessions } = await peer();
  const { call } = connectTo(url);
  await Promise.all([call(), call(), call()]);
  expect(sessions).toHaveLength(1);
});

test("a connection is retired after so many calls, and carries them to their end", async () => {
  const { url, sessions, streams } = await peer();
  const { call } = connectTo(url, { maxCalls: 2 });
  const [first, second] = [await call(), await call()];
  await call();
  expect(sessions).toHaveLength(2);
  streams[0]?.end("still here");
  expect(String((await once(first, "data"))[0])).toBe("still here");
  const [retired] = sessions;
  if (retired === undefined) throw new Error("there was no connection");
  const closed = once(retired, "close");
  first.resume();
  second.close();
  await closed;
});

test("one that the peer is about to close takes no new calls", async () => {
  const { url, sessions } = await peer();
  const { call } = connectTo(url);
  const first = await call();
  const goneAway = once(first.session ?? first, "goaway");
  sessions[0]?.goaway(0);
  await goneAway;
  sessions[0]?.close();
  await call();
  expect(sessions).toHaveLength(2);
  expect(first.closed).toBe(false);
});

test("an idle one is closed after a while", async () => {
  const { url, sessions } = await peer();
  const { call, clock, peers } = connectTo(url, { idleTimeoutMs: 10_000 });
  const stream = await call();
  const closed = once(stream, "close");
  stream.close();
  await closed;
  const [session] = sessions;
  if (session === undefined) throw new Error("there was no connection");
  const ended = once(session, "close");
  clock.advance(10_000);
  await ended;
  expect(peers.isOpen).toBe(false);
});

test("RELAY-9: a peer that says nothing at all is given up within 10 s, and the next call begins anew", async () => {
  const sockets: Socket[] = [];
  // Accepts, and swallows whatever comes.
  const url = await listening(createTcpServer((socket) => void sockets.push(socket.resume())));
  const { clock, peers } = connectTo(url);
  const stream = await peers.post("/", {});
  const failed = once(stream, "error");
  for (let ms = 0; ms < 10_000; ms += 100) clock.advance(100);
  const [error] = (await failed) as [unknown];
  expect(ConnectError.from(error)).toMatchObject({ code: Code.Unavailable });
  await peers.post("/", {}).then((next) => next.on("error", () => undefined));
  expect(sockets.length).toBe(2);
});

test("one that answers pings is not", async () => {
  const { url, sessions } = await peer();
  const { call, clock } = connectTo(url);
  const stream = await call();
  for (let pings = 0; pings < 3; pings += 1) {
    const pinged = once(sessions[0] ?? stream, "ping");
    clock.advance(5_000);
    await pinged;
    // The answer is on its way before this one, and arrives before it.
    const [session] = sessions;
    if (session === undefined) throw new Error("there was no connection");
    await new Promise((resolve) => session.ping(resolve));
  }
  expect(stream.closed).toBe(false);
});

test("a peer that is not there is told at once", async () => {
  const server = createTcpServer();
  const url = await listening(server);
  server.close();
  await once(server, "close");
  const { peers } = connectTo(url);
  await expect(peers.post("/", {})).rejects.toMatchObject({ code: Code.Unavailable });
});
