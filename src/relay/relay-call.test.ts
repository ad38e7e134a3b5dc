import { once } from "node:events";
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../test/kit/until.js";
import { Role } from "../gen/palaver/chat/v1/message_pb.js";
import {
  EpisodePositionSchema,
  RelayEventSchema,
  type StreamDeltasRequest,
  StreamDeltasRequestSchema,
  type StreamDeltasResponse,
} from "../gen/palaver/relay/v1/relay_service_pb.js";
import { systemClock } from "../platform/index.js";
import { partToProto } from "../protocol/index.js";
import { PeerSessions } from "./peer-sessions.js";
import { writeResponse } from "./relay-bytes.js";
import { callPeer } from "./relay-call.js";

const request = create(StreamDeltasRequestSchema, {
  chatId: crypto.randomUUID(),
  workerId: crypto.randomUUID(),
});
const grpc = { ":status": 200, "content-type": "application/grpc+proto" };

interface Asked {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly stream: ServerHttp2Stream;
  readonly request: StreamDeltasRequest;
}

/** A peer, as far as HTTP/2 goes: what it answers is the test's business. */
let server: ReturnType<typeof createServer>;
let connections: ServerHttp2Session[];
let asked: Asked[];
let streams: ServerHttp2Stream[];
let sessions: PeerSessions;
beforeEach(async () => {
  asked = [];
  streams = [];
  connections = [];
  server = createServer();
  server.on("session", (session) => connections.push(session));
  server.on("stream", (stream, headers) => {
    streams.push(stream);
    stream.on("error", () => undefined);
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const body = Buffer.concat(chunks);
      asked.push({ stream, headers, request: fromBinary(StreamDeltasRequestSchema, body.subarray(5)) });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  sessions = new PeerSessions({ url: `http://127.0.0.1:${port}`, clock: systemClock });
});
afterEach(() => {
  sessions[Symbol.dispose]();
  for (const connection of connections) connection.destroy();
  server.close();
});

function call(received: (response: StreamDeltasResponse) => void = () => undefined) {
  const leaving = new AbortController();
  const responses: StreamDeltasResponse[] = [];
  const over = callPeer(sessions, request, {
    token: "secret",
    signal: leaving.signal,
    received: (response) => {
      responses.push(response);
      received(response);
    },
  }).then(
    () => "well" as const,
    (error: unknown) => error,
  );
  return { over, responses, leave: (reason?: unknown) => leaving.abort(reason) };
}

/** The peer's side of the call. */
async function answered(index = 0): Promise<Asked> {
  return until(() => asked[index], { what: "the call" });
}

function said(firstSeq: bigint, text: string): Uint8Array {
  const part = partToProto({ type: "text", text });
  const run = { firstSeq, role: Role.ASSISTANT, block: 1, part, lengths: [text.length] };
  const value = { event: { case: "deltas", value: run } } as const;
  return encodeEnvelope(0, writeResponse([create(RelayEventSchema, value)]));
}

const textsOf = (responses: readonly StreamDeltasResponse[]): unknown[] =>
  responses.map(({ events }) =>
    events.map(({ event }) => (event.case === "deltas" ? event.value.part?.kind.value : undefined)),
  );
const text = (value: string): unknown => [expect.objectContaining({ text: value })];

/** Tells the headers, these bytes, and the end with these trailers. */
function respond({ stream }: Asked, chunks: readonly Uint8Array[], trailers: Record<string, string>): void {
  stream.respond(grpc, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers(trailers));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
}

test("hands on every response in its order, however the bytes are cut, until the peer ends the stream", async () => {
  const { over, responses } = call();
  const peer = await answered();
  expect(peer.headers).toMatchObject({
    ":method": "POST",
    ":path": "/palaver.relay.v1.RelayService/StreamDeltas",
    "content-type": "application/grpc+proto",
    te: "trailers",
    authorization: "Bearer secret",
  });
  expect(peer.request).toEqual(request);
  const empty = encodeEnvelope(0, writeResponse([]));
  const bytes = Buffer.concat([empty, said(1n, "a"), said(2n, "bc"), said(4n, "d".repeat(70_000))]);
  const cuts = [0, 3, 7, 12, 40, 30_000, bytes.length];
  respond(
    peer,
    cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end)),
    { "grpc-status": "0" },
  );
  expect(await over).toBe("well");
  expect(textsOf(responses)).toEqual([[], text("a"), text("bc"), text("d".repeat(70_000))]);
});

test("tells the failure that the peer tells, wherever it stands", async () => {
  const inTrailers = call();
  respond(await answered(0), [said(1n, "a")], { "grpc-status": "9", "grpc-message": "This%20is%20another" });
  expect(await inTrailers.over).toMatchObject({
    code: Code.FailedPrecondition,
    rawMessage: "This is another",
  });
  expect(inTrailers.responses).toHaveLength(1);
  const inHeaders = call();
  (await answered(1)).stream.respond({ ...grpc, "grpc-status": "16" }, { endStream: true });
  expect(await inHeaders.over).toMatchObject({ code: Code.Unauthenticated });
});

test("is no call where something else answers", async () => {
  const notFound = call();
  (await answered(0)).stream.respond({ ":status": 404 }, { endStream: true });
  expect(await notFound.over).toMatchObject({ code: Code.Unimplemented });
  const page = call();
  (await answered(1)).stream.respond({ ":status": 200, "content-type": "text/html" }, { endStream: true });
  expect(await page.over).toBeInstanceOf(ConnectError);
});

test("breaks where the stream ends without a word, in the middle, or with what makes no sense", async () => {
  const well = { "grpc-status": "0" };
  const endings: readonly (readonly [Code, (asked: Asked) => void])[] = [
    [Code.Unavailable, (peer) => respond(peer, [said(1n, "a")], {})],
    [Code.Unavailable, (peer) => respond(peer, [said(1n, "a").subarray(0, 9)], well)],
    [Code.Unavailable, ({ stream }) => stream.close(2)],
    [Code.Unavailable, ({ stream }) => stream.close(8)],
    [Code.Internal, (peer) => respond(peer, [encodeEnvelope(1, writeResponse([]))], well)],
    [Code.Internal, (peer) => respond(peer, [encodeEnvelope(0, Uint8Array.of(0xff))], well)],
    [Code.Internal, (peer) => respond(peer, [Uint8Array.of(0, 0xff, 0, 0, 0)], well)],
    [Code.Internal, (peer) => respond(peer, [], { "grpc-status": "9", "grpc-message": "%" })],
  ];
  for (const [index, [code, end]] of endings.entries()) {
    const { over } = call();
    end(await answered(index));
    const error = await over;
    expect(error, `ending ${index}`).toBeInstanceOf(ConnectError);
    expect(error, `ending ${index}`).toMatchObject({ code });
  }
});

test("breaks with its connection, which says that the peer is not there", async () => {
  const { over } = call();
  await answered();
  for (const connection of connections) connection.destroy();
  expect(await over).toMatchObject({ code: Code.Unavailable });
});

test("hands on nothing after its end, and lets the peer know of it", async () => {
  const reason = new Error("nobody watches");
  const { over, responses, leave } = call(() => leave(reason));
  const { stream } = await answered();
  stream.respond(grpc);
  stream.write(Buffer.concat([said(1n, "a"), said(2n, "b")]));
  expect(await over).toBe(reason);
  expect(textsOf(responses)).toEqual([text("a")]);
  if (!stream.closed) await once(stream, "close");
  expect(stream.rstCode).toBe(8);
});

test("ends with what its reader throws", async () => {
  const unusable = new Error("a gap");
  const { over, responses } = call(() => {
    throw unusable;
  });
  const { stream } = await answered();
  stream.respond(grpc);
  stream.write(Buffer.concat([said(1n, "a"), said(2n, "b")]));
  expect(await over).toBe(unusable);
  expect(responses).toHaveLength(1);
  if (!stream.closed) await once(stream, "close");
});

test("is not made for nobody, and is given up when its connection comes too late", async () => {
  const gone = call();
  gone.leave();
  expect(await gone.over).toMatchObject({ name: "AbortError" });
  const never = new AbortController();
  never.abort();
  const options = { token: "secret", signal: never.signal, received: () => undefined };
  await expect(callPeer(sessions, request, options)).rejects.toMatchObject({ name: "AbortError" });
  const wanted = call();
  const [first, last, ...others] = await until(() => streams.length >= 2 && streams, { what: "both calls" });
  expect(others).toEqual([]);
  await until(() => first?.closed, { what: "the end of the one that was given up" });
  expect(first?.rstCode).toBe(8);
  expect(last?.closed).toBe(false);
  wanted.leave();
  await wanted.over;
});

test("is not made of a request that cannot be written", async () => {
  const unsafe = { ...request, after: create(EpisodePositionSchema, { seq: 2n ** 63n }) };
  const signal = new AbortController().signal;
  const over = callPeer(sessions, unsafe, { token: "secret", signal, received: () => undefined });
  await expect(over).rejects.toThrow();
  expect(streams).toEqual([]);
});
