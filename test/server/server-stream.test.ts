import { create } from "@bufbuild/protobuf";
import type { ConnectError, ServiceImpl } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { describe, expect, test } from "vitest";
import type { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { type StreamEvent, StreamEventSchema } from "../../src/gen/palaver/chat/v1/event_pb.js";
import { envelopeOf } from "../../src/fanout/index.js";
import { PalaverError } from "../../src/protocol/index.js";
import type { LiveStream } from "../../src/server/index.js";
import { until } from "../kit/until.js";
import { someChatId, startTestServer } from "./test-server.js";
import { connectWire, errorOf, wires } from "./wire-clients.js";

/** Repeats itself, so that it is worth compressing. */
const long = "palaver ".repeat(4_096);

/** Answers with these cursors. */
function answering(...cursors: readonly string[]): Pick<ServiceImpl<typeof ChatService>, "subscribe"> {
  return {
    async *subscribe(_request, { responseHeader, responseTrailer }) {
      await Promise.resolve();
      responseHeader.set("x-before", "first");
      responseTrailer.set("x-after", "last");
      for (const cursor of cursors) yield { cursor };
    },
  };
}

/** The rest of a stream, in the hands of a test. */
class Live implements Disposable {
  disposed = 0;
  failure: Error | undefined;
  readonly #cursors: string[] = [];
  #ready: Parameters<LiveStream["source"]["onReady"]>[0] = () => undefined;

  onReady(callback: Parameters<LiveStream["source"]["onReady"]>[0]): void {
    this.#ready = callback;
  }

  take(): { events: StreamEvent[]; cursor: string } | undefined {
    const cursor = this.#cursors.shift();
    if (cursor !== undefined) return { events: [create(StreamEventSchema)], cursor };
    if (this.failure !== undefined) throw this.failure;
    return undefined;
  }

  tell(cursor: string): void {
    this.#cursors.push(cursor);
    this.#ready({ patient: false });
  }

  fail(failure: Error): void {
    this.failure = failure;
    this.#ready({ patient: false });
  }

  [Symbol.dispose](): void {
    this.disposed += 1;
  }
}

/** Answers with these cursors, and goes on with something that is live. */
function goingOn(live: Live, ...cursors: readonly string[]): Partial<ServiceImpl<typeof ChatService>> {
  return {
    async *subscribe(request, context) {
      yield* answering(...cursors).subscribe(request, context);
      return { source: live, envelopeOf };
    },
  };
}

describe.each(wires)("a stream of responses over %s", (wire) => {
  test("brings all of them, large and small, between the headers and trailers of its implementation", async () => {
    await using server = await startTestServer({ chat: answering("a", long, "", "b") });
    using client = connectWire(wire, server.url);
    const seen: { before?: string | null; after?: string | null } = {};
    const cursors = [];
    const responses = client.chat.subscribe(
      { chatId: someChatId },
      {
        onHeader: (header) => (seen.before = header.get("x-before")),
        onTrailer: (trailer) => (seen.after = trailer.get("x-after")),
      },
    );
    for await (const { cursor } of responses) cursors.push(cursor);
    expect(cursors).toEqual(["a", long, "", "b"]);
    expect(seen).toEqual({ before: "first", after: "last" });
  });

  test("ends where one is too large, after those before it", async () => {
    await using server = await startTestServer({
      chat: answering("a", long, "b"),
      limits: { maxResponseBytes: 1_000 },
    });
    using client = connectWire(wire, server.url);
    const cursors: string[] = [];
    const failure = await errorOf(
      (async () => {
        for await (const { cursor } of client.chat.subscribe({ chatId: someChatId })) cursors.push(cursor);
      })(),
    );
    expect(cursors).toEqual(["a"]);
    expect(failure).toMatchObject({ code: "ResourceExhausted", reason: "RESPONSE_TOO_LARGE" });
  });

  test("is unimplemented where the service leaves it out", async () => {
    await using server = await startTestServer({ chat: {} });
    using client = connectWire(wire, server.url);
    const failure = await errorOf(
      (async () => {
        for await (const _ of client.chat.subscribe({ chatId: someChatId }));
      })(),
    );
    expect(failure).toMatchObject({ code: "Unimplemented", reason: "UNIMPLEMENTED" });
  });
});

describe.each(wires)("a stream that goes on without its implementation over %s", (wire) => {
  test("brings all of both, in order, and ends with the failure of what is live", async () => {
    const live = new Live();
    await using server = await startTestServer({ chat: goingOn(live, "a", long) });
    using client = connectWire(wire, server.url);
    let before: string | null = null;
    const responses = client.chat.subscribe(
      { chatId: someChatId },
      { onHeader: (header) => (before = header.get("x-before")) },
    );
    const cursors: string[] = [];
    const read = async (): Promise<void> => {
      for await (const { cursor } of responses) {
        cursors.push(cursor);
        if (cursor === long) live.tell("live");
        if (cursor !== "live") continue;
        live.tell("last");
        live.fail(new PalaverError("resource_exhausted", "SLOW_CONSUMER", "too slow"));
      }
    };
    const failure = await read().catch((error: unknown) => error as ConnectError);
    expect(await errorOf(Promise.reject(failure ?? new Error("no failure")))).toMatchObject({
      code: "ResourceExhausted",
      reason: "SLOW_CONSUMER",
    });
    expect(failure?.metadata.get("x-after")).toBe("last");
    expect(before).toBe("first");
    expect(cursors).toEqual(["a", long, "live", "last"]);
    expect(live.disposed).toBe(1);
  });

  test("ends with the server, also where nothing was sent before", async () => {
    const live = new Live();
    await using server = await startTestServer({ chat: goingOn(live) });
    using client = connectWire(wire, server.url);
    const responses = client.chat.subscribe({ chatId: someChatId })[Symbol.asyncIterator]();
    const first = responses.next();
    live.tell("live");
    expect(await first).toMatchObject({ value: { cursor: "live" } });
    const ended = errorOf(responses.next());
    await server.close({ graceMs: 60_000 });
    expect(await ended).toMatchObject({ code: "Unavailable", reason: "SHUTTING_DOWN" });
    expect(live.disposed).toBe(1);
  });

  test("is over when the client has left, which is no failure", async () => {
    const live = new Live();
    await using server = await startTestServer({ chat: goingOn(live, "a") });
    using client = connectWire(wire, server.url);
    const leave = new AbortController();
    const responses = client.chat
      .subscribe({ chatId: someChatId }, { signal: leave.signal })
      [Symbol.asyncIterator]();
    await responses.next();
    leave.abort();
    await until(() => live.disposed, { what: "the end of the stream" });
    live.tell("nobody hears it");
    const line = await until(() => server.lines.find(({ text }) => text === "call"), { what: "the log" });
    expect(line).toMatchObject({ level: "debug", fields: { code: "Canceled" } });
    expect(live.disposed).toBe(1);
  });
});

test("what is to go on is disposed of where the call is over before", async () => {
  const live = new Live();
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  await using server = await startTestServer({
    chat: {
      async *subscribe() {
        yield { cursor: "a" };
        await gate;
        return { source: live, envelopeOf };
      },
    },
  });
  using client = connectWire("grpc", server.url);
  const responses = client.chat.subscribe({ chatId: someChatId })[Symbol.asyncIterator]();
  await responses.next();
  const ended = errorOf(responses.next());
  await server.close({ graceMs: 60_000 });
  expect(await ended).toMatchObject({ reason: "SHUTTING_DOWN" });
  expect(live.disposed).toBe(0);
  open();
  await until(() => live.disposed === 1, { what: "what was to go on to be disposed of" });
});

test("a request in JSON may have fields that the server does not know", async () => {
  await using server = await startTestServer({ chat: answering("a") });
  const request = JSON.stringify({ chatId: someChatId, fieldOfANewerSchema: 1 });
  const response = await fetch(`${server.url}/palaver.chat.v1.ChatService/Subscribe`, {
    method: "POST",
    headers: { "content-type": "application/connect+json" },
    body: encodeEnvelope(0, new TextEncoder().encode(request)),
  });
  expect(await response.text()).toContain('{"cursor":"a"}');
});

test("a response is compressed where the client reads that and it is large", async () => {
  await using server = await startTestServer({ chat: answering("a", long) });
  const subscribe = async (
    headers: Record<string, string>,
  ): Promise<{ header: string | null; flags: number[] }> => {
    const response = await fetch(`${server.url}/palaver.chat.v1.ChatService/Subscribe`, {
      method: "POST",
      headers: { "content-type": "application/connect+json", ...headers },
      body: encodeEnvelope(0, new TextEncoder().encode(JSON.stringify({ chatId: someChatId }))),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const flags = [];
    for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) flags.push(bytes.readUInt8(at));
    return { header: response.headers.get("connect-content-encoding"), flags };
  };
  expect(await subscribe({ "connect-accept-encoding": "br, gzip" })).toEqual({
    header: "gzip",
    flags: [0, 1, 2],
  });
  expect(await subscribe({})).toEqual({ header: null, flags: [0, 0, 2] });
});
