import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { openTcpGate, type TcpGate } from "../../surroundings/tcp-gate.js";
import { linkLook } from "./link-look.js";
import { type Finding, findingOf } from "./look.js";

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A gate before a server that sends back what it gets. */
async function gateToEcho(): Promise<TcpGate> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const gate = await openTcpGate({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
  open.push(() => gate[Symbol.asyncDispose]());
  return gate;
}

/** Says something over the link, waits for the answer, and keeps the connection; `onLost` when that is cut. */
async function talk(port: number, onLost: () => void): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  open.push(() => socket.destroy());
  socket.on("error", () => undefined).once("close", onLost);
  socket.write("hello");
  await once(socket, "data");
}

function examine(gate: TcpGate, use: () => Promise<unknown>): Promise<Finding> {
  const look = linkLook({ name: "store", replica: "r1", gate, limitMs: 500, use });
  return findingOf(look, new AbortController().signal);
}

describe("a link", () => {
  it("is in the path when cutting it cuts somebody, who comes back", async () => {
    const gate = await gateToEcho();
    let isOver = false;
    const client = async (): Promise<void> => talk(gate.port, () => void (isOver || client()));
    open.push(() => (isOver = true));
    const finding = await examine(gate, client);
    expect(finding).toMatchObject({ about: "r1 store link", ok: true });
    expect(gate.mode).toBe("open");
  });

  it("is not when nothing passes it", async () => {
    const finding = await examine(await gateToEcho(), async () => undefined);
    expect(finding).toMatchObject({ ok: false, detail: expect.stringContaining("nothing passes it") });
    expect(finding.advice).toContain("{link.store}");
  });

  it("is of no use when nobody is on it any more, or comes back after it was cut", async () => {
    const gate = await gateToEcho();
    const gone = await examine(gate, () => talk(gate.port, () => undefined));
    expect(gone).toMatchObject({ ok: false, detail: expect.stringContaining("nothing was connected") });
    const empty = await examine(gate, async () => undefined);
    expect(empty).toMatchObject({ ok: false, detail: expect.stringContaining("could be cut") });
    expect(gate.mode).toBe("open");
  });
});
