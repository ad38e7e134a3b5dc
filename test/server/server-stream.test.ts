import type { ServiceImpl } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { describe, expect, test } from "vitest";
import type { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { someChatId, startTestServer } from "./test-server.js";
import { connectWire, errorOf, wires } from "./wire-clients.js";

/** Repeats itself, so that it is worth compressing. */
const long = "palaver ".repeat(4_096);

/** Answers with these cursors. */
function answering(...cursors: readonly string[]): Partial<ServiceImpl<typeof ChatService>> {
  return {
    async *subscribe(_request, { responseHeader, responseTrailer }) {
      await Promise.resolve();
      responseHeader.set("x-before", "first");
      responseTrailer.set("x-after", "last");
      for (const cursor of cursors) yield { cursor };
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
