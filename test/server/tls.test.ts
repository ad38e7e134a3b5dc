import { once } from "node:events";
import { stat } from "node:fs/promises";
import { request as httpsRequest } from "node:https";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ManualClock, systemClock } from "../../src/platform/index.js";
import { type HttpHandler, type Listener, type ListenOptions, listen } from "../../src/server/listener.js";
import { type Authority, type Certificate, createAuthority } from "../kit/certificates.js";
import { until } from "../kit/until.js";

let ours: Authority;
let strangers: Authority;
let server: Certificate;
let client: Certificate;
beforeAll(async () => {
  [ours, strangers] = await Promise.all([createAuthority(), createAuthority()]);
  [server, client] = await Promise.all([ours.issue(), ours.issue()]);
});
afterAll(async () => {
  await Promise.all([ours[Symbol.asyncDispose](), strangers[Symbol.asyncDispose]()]);
});

const opened: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const greet: HttpHandler = (request, response) => {
  response.end(`hello over ${request.httpVersion}`);
};

interface Started extends Listener {
  /** Requests that came as far as the handler. */
  readonly requests: () => number;
  /** Codes of the handshakes that failed. */
  readonly failures: string[];
}

async function start({ handler = greet, ...options }: Partial<ListenOptions> = {}): Promise<Started> {
  let requests = 0;
  const failures: string[] = [];
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    tls: { ...server, ca: ours.ca },
    handshakeFailed: (error) => failures.push((error as NodeJS.ErrnoException).code ?? error.message),
    clock: systemClock,
    ...options,
    handler: (request, response) => {
      requests += 1;
      handler(request, response);
    },
  });
  opened.push(() => listener.close(0));
  return { ...listener, requests: () => requests, failures };
}

/** What a replica shows: our certificate, and that it knows our authority. */
const ourselves = () => ({ cert: client.cert, key: client.key, ca: ours.ca });

function openSession(listener: Listener, options: ConnectionOptions = ourselves()): ClientHttp2Session {
  const session = connectHttp2(listener.url, options);
  session.on("error", () => undefined);
  opened.push(() => session.destroy());
  return session;
}

async function getOverHttp2(session: ClientHttp2Session): Promise<string> {
  const stream = session.request({ ":path": "/" });
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += chunk as string;
  return text;
}

async function getOverHttp1(listener: Listener, options: ConnectionOptions = ourselves()): Promise<string> {
  const response = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    httpsRequest(listener.url, { ...options, agent: false }, resolve)
      .on("error", reject)
      .end();
  });
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk as string;
  return text;
}

/** A connection that has not said anything yet. */
async function openSocket(listener: Listener): Promise<Socket> {
  const socket = connectTcp({ port: listener.port, host: listener.host, noDelay: true });
  opened.push(() => void socket.destroy());
  socket.on("error", () => undefined).resume();
  await once(socket, "connect");
  return socket;
}

/** An encrypted connection, as the application sees it; rejects when it is closed before it says anything. */
async function openTls(listener: Listener, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connectTls({ port: listener.port, host: listener.host, ...ourselves(), ...options });
  opened.push(() => void socket.destroy());
  await once(socket, "secureConnect");
  return socket;
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

async function closed(connection: Socket | ClientHttp2Session): Promise<void> {
  if (!connection.destroyed) await once(connection, "close");
}

/** What a client sends first, as it is on the wire. */
async function clientHello(): Promise<Buffer> {
  const tcp = createServer().listen(0, "127.0.0.1");
  await once(tcp, "listening");
  const connection = connectTls({ ...ourselves(), port: (tcp.address() as AddressInfo).port });
  connection.on("error", () => undefined);
  const [socket] = (await once(tcp, "connection")) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  connection.destroy();
  socket.destroy();
  tcp.close();
  return hello;
}

describe("peers whose certificates are good", () => {
  test("are served over HTTP/2 and HTTP/1.1 on the same port, as they agree on", async () => {
    const listener = await start();
    expect(listener.url).toBe(`https://127.0.0.1:${listener.port}`);
    const session = openSession(listener);
    expect(await getOverHttp2(session)).toBe("hello over 2.0");
    expect(session.alpnProtocol).toBe("h2");
    // Without a word about protocols, and with one.
    expect(await getOverHttp1(listener)).toBe("hello over 1.1");
    expect(await getOverHttp1(listener, { ...ourselves(), ALPNProtocols: ["http/1.1"] })).toBe(
      "hello over 1.1",
    );
    expect(listener.failures).toEqual([]);
  });

  test("are served on IPv6 addresses too", async () => {
    const listener = await start({ host: "::1" });
    expect(await getOverHttp2(openSession(listener))).toBe("hello over 2.0");
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("may use %s", async (version) => {
    const listener = await start();
    const options = { ...ourselves(), minVersion: version, maxVersion: version };
    expect(await getOverHttp2(openSession(listener, options))).toBe("hello over 2.0");
  });

  test("each get their own connection, also when many come at once", async () => {
    const listener = await start({
      handler: (request, response) => response.end(String(request.socket.remotePort)),
    });
    const ports = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const session = openSession(listener);
        const seen = await getOverHttp2(session);
        return [seen, String(session.socket.localPort)];
      }),
    );
    for (const [seen, own] of ports) expect(seen).toBe(own);
    expect(new Set(ports.map(([seen]) => seen)).size).toBe(50);
  });
});

describe("whoever else connects", () => {
  const refused: [string, () => ConnectionOptions | Promise<ConnectionOptions>][] = [
    ["has no certificate", () => ({ ca: ours.ca })],
    ["has one of another authority", async () => ({ ca: ours.ca, ...(await strangers.issue()) })],
    ["speaks none but an old TLS", () => ({ ...ourselves(), ...oldTls })],
    ["wants a protocol that is not served", () => ({ ...ourselves(), ALPNProtocols: ["spdy/3"] })],
  ];
  const oldTls = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;

  test.each(refused)("is cut off and hinders nobody, if it %s", async (_, options) => {
    const listener = await start();
    const peer = openSession(listener);
    expect(await getOverHttp2(peer)).toBe("hello over 2.0");
    await expect(getOverHttp1(listener, await options())).rejects.toThrow();
    await until(() => listener.failures.length === 1, { what: "the failure to be told" });
    expect(await getOverHttp2(peer)).toBe("hello over 2.0");
    expect(listener.requests()).toBe(2);
  });

  test("is refused over HTTP/2 as well", async () => {
    const listener = await start();
    const session = openSession(listener, { ca: ours.ca });
    await expect(getOverHttp2(session)).rejects.toThrow();
    expect(listener.requests()).toBe(0);
  });

  test("gets no answer without encryption", async () => {
    const listener = await start();
    await expect(fetch(listener.url.replace("https:", "http:"))).rejects.toThrow("fetch failed");
    expect(listener.requests()).toBe(0);
    expect(await getOverHttp2(openSession(listener))).toBe("hello over 2.0");
  });

  test("may break off a handshake anywhere, or send anything", async () => {
    const listener = await start();
    const hello = await clientHello();
    const firstBytes = fc.oneof(
      fc.nat(hello.length).map((length) => hello.subarray(0, length)),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.tuple(fc.nat(hello.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, mask]) => {
        const damaged = Buffer.from(hello);
        damaged[at] = (damaged[at] ?? 0) ^ mask;
        return damaged;
      }),
    );
    await fc.assert(
      fc.asyncProperty(firstBytes, fc.constantFrom("end", "reset"), async (bytes, how) => {
        const socket = await openSocket(listener);
        await new Promise((resolve) => socket.write(bytes, resolve));
        if (how === "end") socket.end();
        else socket.resetAndDestroy();
        await closed(socket);
      }),
      { numRuns: 100 },
    );
    expect(await getOverHttp2(openSession(listener))).toBe("hello over 2.0");
    expect(listener.requests()).toBe(1);
  });
});

describe("a handshake that does not come to an end", () => {
  test("is given up when its time is over, however it is drawn out", async () => {
    const clock = new ManualClock();
    const listener = await start({ clock, headersTimeoutMs: 5000 });
    const hello = await clientHello();
    const socket = await openSocket(listener);
    await until(() => clock.pending === 1, { what: "the time limit" });
    for (let second = 0; second < 4; second += 1) {
      socket.write(hello.subarray(second, second + 1));
      clock.advance(1000);
    }
    const end = closed(socket);
    clock.advance(999);
    expect(await isSettled(end)).toBe(false);
    clock.advance(1);
    await end;
    await until(() => clock.pending === 0, { what: "nothing to be left" });
  });

  test("counts as a connection", async () => {
    const listener = await start({ maxConnections: 1 });
    const silent = await openSocket(listener);
    await expect(getOverHttp1(listener)).rejects.toThrow();
    silent.destroy();
    await until(async () => (await getOverHttp1(listener)) === "hello over 1.1", { what: "its place" });
  });

  test("has no time limit any more once it is over", async () => {
    const clock = new ManualClock();
    const listener = await start({ clock, headersTimeoutMs: 5000 });
    const session = openSession(listener);
    await getOverHttp2(session);
    clock.advance(5000);
    expect(await getOverHttp2(session)).toBe("hello over 2.0");
  });
});

describe("closing", () => {
  test("ends what is idle or has not come through its handshake at once", async () => {
    const listener = await start();
    const session = openSession(listener);
    await getOverHttp2(session);
    const http1 = await openTls(listener, {});
    http1.resume().write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await until(() => listener.requests() === 2, { what: "the request" });
    const silent = await openSocket(listener);
    await listener.close(60_000);
    await Promise.all([session, http1, silent].map(closed));
    await expect(openSocket(listener)).rejects.toThrow("ECONNREFUSED");
  });

  test("waits for requests that run, and cuts them off after the grace", async () => {
    const clock = new ManualClock();
    const held: (() => void)[] = [];
    const listener = await start({
      clock,
      handler: (request, response) => void held.push(() => greet(request, response)),
    });
    const outcomes: string[] = [];
    const cutOff = (): string => "cut off";
    const answers = [
      getOverHttp2(openSession(listener)),
      getOverHttp2(openSession(listener)),
      getOverHttp1(listener),
      getOverHttp1(listener),
    ].map(async (answer) => outcomes.push((await answer.catch(cutOff)) || cutOff()));
    await until(() => held.length === answers.length, { what: "the requests" });
    const end = listener.close(3000);
    held[0]?.();
    await until(() => outcomes.length === 1, { what: "an answer" });
    expect(await isSettled(end)).toBe(false);
    clock.advance(3000);
    await end;
    await Promise.all(answers);
    expect(outcomes).toEqual([expect.stringContaining("hello"), "cut off", "cut off", "cut off"]);
  });
});
