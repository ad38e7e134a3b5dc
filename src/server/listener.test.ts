import { once } from "node:events";
import { stat } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { until } from "../../test/kit/until.js";
import { ManualClock, systemClock } from "../platform/index.js";
import { type HttpHandler, type Listener, type ListenOptions, listen } from "./listener.js";
import { StartError } from "./start-error.js";

const opened: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const greet: HttpHandler = (request, response) => {
  response.end(`hello over ${request.httpVersion}`);
};

async function start(options: Partial<ListenOptions> = {}): Promise<Listener> {
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    handler: greet,
    clock: systemClock,
    ...options,
  });
  opened.push(() => listener.close(0));
  return listener;
}

async function openSocket(listener: Listener): Promise<{ socket: Socket; received: () => string }> {
  const socket = connectTcp({ port: listener.port, host: listener.host, noDelay: true });
  opened.push(() => void socket.destroy());
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return { socket, received: () => text };
}

function openSession(listener: Listener): ClientHttp2Session {
  const session = connectHttp2(listener.url);
  session.on("error", () => undefined);
  opened.push(() => session.destroy());
  return session;
}

/** The body of a response over HTTP/2. */
async function getOverHttp2(session: ClientHttp2Session): Promise<string> {
  const stream = session.request({ ":path": "/" });
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += chunk as string;
  return text;
}

/** A handler whose answers wait until they are let go. */
function heldAnswers(): { handler: HttpHandler; waiting: () => number; letGo: () => void } {
  const held: (() => void)[] = [];
  return {
    handler: (request, response) => void held.push(() => greet(request, response)),
    waiting: () => held.length,
    letGo: () => held.splice(0).forEach((go) => go()),
  };
}

/** Whether a promise has settled by now: a few turns of the event loop give it the chance. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.finally(() => {
    settled = true;
  });
  for (let turn = 0; turn < 10; turn += 1) await stat(".");
  return settled;
}

const http1Request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** An empty SETTINGS frame. */
const http2Settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

describe("one port for two protocols", () => {
  test("HTTP/1.1 and HTTP/2 are both answered", async () => {
    const listener = await start();
    expect(await (await fetch(listener.url)).text()).toBe("hello over 1.1");
    expect(await getOverHttp2(openSession(listener))).toBe("hello over 2.0");
  });

  test.each([
    ["HTTP/1.1", Buffer.from(http1Request), /hello over 1\.1/],
    // The server's own SETTINGS frame: type 4 on stream 0.
    ["HTTP/2", Buffer.concat([Buffer.from(http2Preface), http2Settings]), /^\0\0.\x04\0\0\0\0\0/s],
  ])("the first bytes of %s may come one by one", async (_, bytes, answer) => {
    const listener = await start();
    const { socket, received } = await openSocket(listener);
    for (const byte of bytes.subarray(0, 5)) {
      await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    }
    socket.write(bytes.subarray(5));
    await until(() => answer.test(received()), { what: "the answer" });
  });

  test.each(["", "P", "PR"])("a connection that ends after %j is closed", async (bytes) => {
    const listener = await start();
    const { socket } = await openSocket(listener);
    socket.end(bytes);
    await once(socket, "close");
  });

  test("a connection that says nothing is closed when its time is over", async () => {
    const clock = new ManualClock();
    const listener = await start({ clock, headersTimeoutMs: 5000 });
    const { socket } = await openSocket(listener);
    socket.write("PR");
    await until(() => clock.pending === 1, { what: "the time limit" });
    const closed = once(socket, "close");
    clock.advance(4999);
    expect(await isSettled(closed)).toBe(false);
    clock.advance(1);
    await closed;
  });

  test("headers that stop half-way are given up", async () => {
    const listener = await start({ headersTimeoutMs: 100 });
    const { socket, received } = await openSocket(listener);
    socket.write("GET / HTTP/1.1\r\nHost:");
    await until(() => received().startsWith("HTTP/1.1 408"), { what: "status 408" });
  });

  test("headers over the limit are refused", async () => {
    const listener = await start({ maxHeaderBytes: 1024 });
    const { socket, received } = await openSocket(listener);
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nLong: ${"x".repeat(2000)}\r\n\r\n`);
    await until(() => received().startsWith("HTTP/1.1 431"), { what: "status 431" });
  });

  test("connections over the limit are closed at once", async () => {
    const listener = await start({ maxConnections: 1 });
    const session = openSession(listener);
    expect(await getOverHttp2(session)).toBe("hello over 2.0");
    const { socket } = await openSocket(listener);
    await once(socket, "close");
    expect(await getOverHttp2(session)).toBe("hello over 2.0");
  });
});

describe("starting", () => {
  test("a port in use is refused with what to do", async () => {
    const listener = await start();
    const error = await start({ port: listener.port }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartError);
    expect(error).toMatchObject({
      reason: "PORT_IN_USE",
      message: expect.stringContaining(`Port ${listener.port}`),
    });
  });

  test("an address of somebody else is refused", async () => {
    await expect(start({ host: "192.0.2.1" })).rejects.toMatchObject({ reason: "ADDRESS_NOT_AVAILABLE" });
  });

  test("the URL names the port that was chosen, and IPv6 addresses stand in brackets", async () => {
    const listener = await start({ host: "::1" });
    expect(listener.url).toBe(`http://[::1]:${listener.port}`);
    expect(await (await fetch(listener.url)).text()).toBe("hello over 1.1");
  });
});

describe("peers that vanish", () => {
  test("an HTTP/2 connection that does not answer pings is cut", async () => {
    const clock = new ManualClock();
    const listener = await start({ clock, pingIntervalMs: 1000, pingTimeoutMs: 500 });
    const { socket, received } = await openSocket(listener);
    socket.write(Buffer.concat([Buffer.from(http2Preface), http2Settings]));
    await until(() => received().length > 0 && clock.nextDueMs === 1000, { what: "the session" });
    const before = received().length;
    clock.advance(1000);
    // A PING frame has eight bytes, and type 6.
    await until(() => /\0\0\x08\x06/.test(received().slice(before)), { what: "a ping" });
    const closed = once(socket, "close");
    clock.advance(500);
    await closed;
  });

  test("one that answers lives on", async () => {
    const clock = new ManualClock();
    const listener = await start({ clock, pingIntervalMs: 1000, pingTimeoutMs: 500 });
    const session = openSession(listener);
    await getOverHttp2(session);
    for (let round = 0; round < 3; round += 1) {
      await until(() => clock.nextDueMs === 1000, { what: "the next ping to be due" });
      const pinged = once(session, "ping");
      clock.advance(1000);
      await pinged;
    }
    await until(() => clock.nextDueMs === 1000, { what: "the next ping to be due" });
    expect(await getOverHttp2(session)).toBe("hello over 2.0");
  });
});

describe("closing", () => {
  test("idle connections go at once, and nothing new is accepted", async () => {
    const listener = await start();
    const idle = await openSocket(listener);
    idle.socket.write(http1Request);
    await until(() => idle.received().includes("hello"), { what: "the answer" });
    const undecided = await openSocket(listener);
    const session = openSession(listener);
    await getOverHttp2(session);
    await listener.close(60_000);
    await Promise.all([idle.socket, undecided.socket, session].map(closedOrClosing));
    await expect(fetch(listener.url)).rejects.toThrow("fetch failed");
  });

  test("requests that run are answered before their connections go", async () => {
    const { handler, waiting, letGo } = heldAnswers();
    const listener = await start({ handler });
    const http1 = await openSocket(listener);
    http1.socket.write(http1Request);
    const overHttp2 = getOverHttp2(openSession(listener));
    await until(() => waiting() === 2, { what: "both requests" });
    const closed = listener.close(60_000);
    expect(await isSettled(closed)).toBe(false);
    letGo();
    await closed;
    expect(await overHttp2).toBe("hello over 2.0");
    await until(() => http1.received().includes("hello over 1.1"), { what: "the answer" });
    expect(http1.received()).toMatch(/connection: close/i);
  });

  test("what still runs after the grace is cut off", async () => {
    const clock = new ManualClock();
    const { handler, waiting } = heldAnswers();
    const listener = await start({ handler, clock });
    const http1 = await openSocket(listener);
    http1.socket.write(http1Request);
    const session = openSession(listener);
    session.request({ ":path": "/" }).on("error", () => undefined);
    await until(() => waiting() === 2, { what: "both requests" });
    const closed = listener.close(3000);
    expect(await isSettled(closed)).toBe(false);
    clock.advance(3000);
    await closed;
    await Promise.all([http1.socket, session].map(closedOrClosing));
  });

  test("closing twice is closing once", async () => {
    const listener = await start();
    await Promise.all([listener.close(0), listener.close(0)]);
    await listener.close(0);
  });

  test("a keep-alive connection of Node's own client does not hold it up", async () => {
    const listener = await start();
    const response = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
      httpRequest(listener.url, resolve).on("error", reject).end();
    });
    response.resume();
    await once(response, "end");
    await listener.close(60_000);
  });
});

async function closedOrClosing(connection: Socket | ClientHttp2Session): Promise<void> {
  if (!connection.destroyed) await once(connection, "close");
}
