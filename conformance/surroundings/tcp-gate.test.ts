import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTcpGate, type TcpGate } from "./tcp-gate.js";

/** A server that says back what it is told, and closes when the other side has. */
let echo: Server;
let port: number;
beforeAll(async () => {
  echo = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(echo, "listening");
  port = (echo.address() as AddressInfo).port;
});
afterAll(() => void echo.close());

const openGate = (): Promise<TcpGate> => openTcpGate({ host: "127.0.0.1", port });

/** A connection that remembers what it got and how it ended. */
class Caller implements Disposable {
  readonly socket: Socket;
  readonly ended: Promise<string>;
  #got = "";
  #wanted: { length: number; resolve: (got: string) => void } | undefined;

  constructor(gate: TcpGate) {
    this.socket = connect({ port: gate.port, host: "127.0.0.1", noDelay: true });
    this.socket.setEncoding("utf8").on("data", (text: string) => {
      this.#got += text;
      if (this.#wanted !== undefined && this.#got.length >= this.#wanted.length)
        this.#wanted.resolve(this.#got);
    });
    let error = "in order";
    this.socket.on("error", (cause: NodeJS.ErrnoException) => (error = cause.code ?? cause.message));
    this.ended = new Promise((resolve) => this.socket.on("close", () => resolve(error)));
  }

  get got(): string {
    return this.#got;
  }

  say(text: string): void {
    this.socket.write(text);
  }

  /** All that has come, as soon as it is so long. */
  async hears(length: number): Promise<string> {
    if (this.#got.length >= length) return this.#got;
    return new Promise((resolve) => (this.#wanted = { length, resolve }));
  }

  async echoes(text: string): Promise<void> {
    const before = this.#got.length;
    this.say(text);
    expect((await this.hears(before + text.length)).slice(before)).toBe(text);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

describe("a link", () => {
  it("passes bytes both ways, and the end of one side as an end of that side only", async () => {
    await using gate = await openGate();
    using caller = new Caller(gate);
    const long = "x".repeat(1_000_000);
    caller.say(long);
    caller.socket.end();
    expect(await caller.ended).toBe("in order");
    expect(caller.got).toBe(long);
    expect(gate.journal.bytes).toEqual({ passed: 2_000_000, held: 0, swallowed: 0 });
    expect(gate.journal.count("closed")).toBe(2);
    expect(gate.connections).toBe(0);
  });

  it("resets those who connect while nobody listens at the target, or none is known; a later target counts", async () => {
    await using gate = await openTcpGate();
    using early = new Caller(gate);
    expect(await early.ended).toBe("ECONNRESET");
    expect(gate.journal.count("unreachable")).toBe(1);
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const nobody = (closed.address() as AddressInfo).port;
    closed.close();
    gate.setTarget({ host: "127.0.0.1", port: nobody });
    using second = new Caller(gate);
    expect(await second.ended).toBe("ECONNRESET");
    expect(gate.journal.count("unreachable")).toBe(2);
    gate.setTarget({ host: "127.0.0.1", port });
    using late = new Caller(gate);
    await late.echoes("hello");
  });
});

describe("a hold", () => {
  it("keeps what is said back, and loses nothing of it", async () => {
    await using gate = await openGate();
    using caller = new Caller(gate);
    await caller.echoes("before");
    expect(gate.hold()).toBe(1);
    expect(gate.journal.count("held")).toBe(0);
    caller.say("during");
    await gate.journal.seen("held");
    expect(gate.journal.bytes).toEqual({ passed: 12, held: 6, swallowed: 0 });
    expect(caller.got).toBe("before");
    gate.release();
    expect(await caller.hears(12)).toBe("beforeduring");
  });

  it("lets a dial hang: the connection is accepted, and reaches nobody until the release", async () => {
    await using gate = await openGate();
    gate.hold();
    using caller = new Caller(gate);
    caller.say("anybody?");
    expect((await gate.journal.seen("held")).connection).toBe(1);
    expect(gate.journal.count("connected")).toBe(0);
    gate.release();
    await caller.hears("anybody?".length);
    expect(gate.journal.count("connected")).toBe(1);
  });

  it("shows that the one who dialed has gone, before the release", async () => {
    await using gate = await openGate();
    gate.hold();
    const caller = new Caller(gate);
    await gate.journal.seen("held");
    caller.socket.destroy();
    expect(await gate.journal.seen("closed")).toMatchObject({ connection: 1, detail: "near" });
  });

  it("stops reading at 64 KiB, so that the sender feels it", async () => {
    await using gate = await openGate();
    using caller = new Caller(gate);
    await caller.echoes("hello");
    gate.hold();
    const much = "y".repeat(32 * 1024 * 1024);
    let accepted = false;
    caller.socket.write(much, () => (accepted = true));
    await gate.journal.seen("held");
    using other = new Caller(gate);
    await once(other.socket, "connect");
    expect(accepted).toBe(false);
    expect(gate.journal.bytes.held).toBeLessThan(1024 * 1024);
    gate.release();
    expect((await caller.hears(5 + much.length)).length).toBe(5 + much.length);
  });

  it("after a cut catches the next dial, though the old connection was warm", async () => {
    await using gate = await openGate();
    using warm = new Caller(gate);
    await warm.echoes("hello");
    expect(gate.sever()).toBe(1);
    gate.hold();
    expect(await warm.ended).toBe("ECONNRESET");
    const { mark } = gate.journal;
    using next = new Caller(gate);
    expect(await gate.journal.seen("held", { since: mark })).toMatchObject({ connection: 2 });
    gate.release();
    await next.echoes("again");
  });
});

describe("a cut", () => {
  it("resets whoever is connected and whoever connects, until it is mended", async () => {
    await using gate = await openGate();
    using caller = new Caller(gate);
    await caller.echoes("hello");
    expect(gate.sever()).toBe(1);
    expect(await caller.ended).toBe("ECONNRESET");
    using refused = new Caller(gate);
    expect(await refused.ended).toBe("ECONNRESET");
    expect([gate.journal.count("cut"), gate.journal.count("refused")]).toEqual([1, 1]);
    gate.mend();
    using after = new Caller(gate);
    await after.echoes("hello");
  });

  it("also hits a connection whose end is just passed on: nothing of it stays", async () => {
    const half = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
    await once(half, "listening");
    const accepted = once(half, "connection") as Promise<[Socket]>;
    await using gate = await openTcpGate({ host: "127.0.0.1", port: (half.address() as AddressInfo).port });
    using caller = new Caller(gate);
    const [target] = await accepted;
    await gate.journal.seen("connected");
    const over = new Promise<void>((resolve) => target.on("error", () => undefined).on("close", resolve));
    // Whoever is gone refuses that; whoever stays takes it, until it is too much.
    const speak = (): void => {
      target.write("still there?", (error) => {
        if (error === undefined || error === null) speak();
      });
    };
    target.resume().on("end", speak);
    // The gate has told the target of the end when this runs, and the system has not yet done so.
    using _listening = gate.journal.listen(({ event }) => {
      if (event === "closed") queueMicrotask(() => gate.sever());
    });
    caller.socket.end();
    await over;
    half.close();
  });

  it("that hits nobody says so", async () => {
    await using gate = await openGate();
    expect(gate.sever()).toBe(0);
    gate.mend();
    expect(gate.hold()).toBe(0);
    expect(gate.blackHole()).toBe(0);
    await expect(gate.journal.seen("held", { deadlineMs: 1 })).rejects.toThrow("nothing was held");
  });
});

describe("a black hole", () => {
  it("takes everything and answers nothing; what went on with a gap is reset when it is mended", async () => {
    await using gate = await openGate();
    using quiet = new Caller(gate);
    await quiet.echoes("I say nothing meanwhile");
    using talker = new Caller(gate);
    await talker.echoes("hello");
    expect(gate.blackHole()).toBe(2);
    talker.say("lost");
    await gate.journal.seen("swallowed");
    const { mark } = gate.journal;
    using dialer = new Caller(gate);
    dialer.say("also lost");
    await gate.journal.seen("swallowed", { since: mark });
    expect([talker.got, dialer.got, dialer.socket.destroyed]).toEqual(["hello", "", false]);
    gate.mend();
    expect([await talker.ended, await dialer.ended]).toEqual(["ECONNRESET", "ECONNRESET"]);
    await quiet.echoes("nothing of mine was lost");
    expect(gate.journal.bytes.swallowed).toBeGreaterThanOrEqual(4);
  });

  it("hides from one side that the other has gone", async () => {
    await using gate = await openGate();
    using caller = new Caller(gate);
    await caller.echoes("hello");
    gate.blackHole();
    caller.socket.destroy();
    await gate.journal.seen("swallowed");
    expect(gate.connections).toBe(1);
    gate.mend();
    expect(gate.journal.count("cut")).toBe(1);
  });
});

describe("a slow link", () => {
  it("passes so many bytes a second", async () => {
    await using gate = await openGate();
    gate.shape({ bytesPerSecond: 20_000 });
    using caller = new Caller(gate);
    const startedMs = performance.now();
    await caller.echoes("z".repeat(4_000));
    // 0.2 s in each direction, and the second begins when the first pieces are there.
    expect(performance.now() - startedMs).toBeGreaterThan(200);
    gate.mend();
    await caller.echoes("z".repeat(1_000_000));
  });

  it("takes its time, and keeps the order", async () => {
    await using gate = await openGate();
    using caller = new Caller(gate);
    gate.shape({ delayMs: 60 });
    const startedMs = performance.now();
    caller.say("slow ");
    await caller.hears("slow ".length);
    expect(performance.now() - startedMs).toBeGreaterThan(115);
    caller.say("then ");
    gate.shape({});
    caller.say("fast");
    expect(await caller.hears("slow then fast".length)).toBe("slow then fast");
  });
});
