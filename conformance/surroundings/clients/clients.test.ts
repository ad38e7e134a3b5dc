import { fromBinary, fromJsonString } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Health, HealthCheckResponse_ServingStatus } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../../../src/gen/grpc/reflection/v1/reflection_pb.js";
import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import {
  ChatService,
  type SubscribeResponse,
  SubscribeResponseSchema,
} from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import type { StreamEvent } from "../../../src/gen/palaver/chat/v1/event_pb.js";
import { FileService } from "../../../src/gen/palaver/chat/v1/file_service_pb.js";
import { ImportService } from "../../../src/gen/palaver/chat/v1/import_service_pb.js";
import { reservePort } from "../reserved-port.js";
import { gate, text } from "../scripted-model/script.js";
import type { ModelScript } from "../scripted-model/model-script.js";
import { type ScriptedModel, startScriptedModel } from "../scripted-model/scripted-model.js";
import { openTcpGate } from "../tcp-gate.js";
import type { Call, Frame, RpcClient } from "./call.js";
import { openClient } from "./open-client.js";
import { openAiModel, type Reference, startReference } from "./reference.fixture.js";
import { RpcError, type RpcFailure } from "./rpc-failure.js";
import { type Wire, wires } from "./wires.js";

let model: ScriptedModel;
let reference: Reference;
beforeAll(async () => {
  model = await startScriptedModel();
  reference = await startReference(model);
});
afterAll(async () => {
  await reference[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

const open: RpcClient[] = [];
afterEach(() => {
  for (const client of open.splice(0)) client[Symbol.dispose]();
});
function clientOf(wire: Wire, url = reference.url, onFrame?: (frame: Frame) => void): RpcClient {
  const client = openClient(wire, url, { onFrame: (_, frame) => onFrame?.(frame) });
  open.push(client);
  return client;
}

const grpc: Wire = wires[0];
const chat = ChatService.method;
const says = (content: string) => [{ kind: { case: "text" as const, value: { text: content } } }];
const unknownChat = "00000000-0000-4000-8000-000000000000";
const inTime = () => ({ signal: AbortSignal.timeout(20_000) });

async function newChat(client: RpcClient, script?: ModelScript): Promise<string> {
  const parts = script === undefined ? [] : says(script.says("hello"));
  const created = await client.unary(chat.createChat, { model: openAiModel, parts });
  return created.chat?.id ?? "";
}

function events(messages: readonly SubscribeResponse[]): StreamEvent["event"][] {
  return messages.flatMap((message) => message.events.map(({ event }) => event));
}

function has(kind: StreamEvent["event"]["case"]) {
  return (messages: readonly SubscribeResponse[]) =>
    events(messages).some((event) => event.case === kind) ? true : undefined;
}

async function failureOf(failing: Promise<unknown>): Promise<RpcFailure> {
  const error: unknown = await failing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof RpcError) return error.failure;
  throw new Error("expected an RpcError", { cause: error });
}

function endOf(call: Call<unknown>): Promise<unknown> {
  return call.ended(inTime());
}

describe.each(wires)("over $name", (wire) => {
  it("calls with one answer bring it, and what came over the wire", async () => {
    const client = clientOf(wire);
    const chatId = await newChat(client);
    const call = client.call(chat.getChat, { chatId });
    expect(await endOf(call)).toEqual({ how: "completed" });
    expect(call.messages).toMatchObject([{ message: { chat: { id: chatId } } }]);
    const [headers, message, ...rest] = call.frames;
    expect(headers?.kind).toBe("headers");
    expect(message).toMatchObject({
      kind: "message",
      encoding: wire.claim === "connect+json" ? "json" : "binary",
    });
    expect(rest.map(({ kind }) => kind).filter((kind) => kind !== "trailers")).toEqual(["end"]);
    const times = call.frames.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("a refused call fails with the same code, reason, metadata and violations as over every wire", async () => {
    const client = clientOf(wire);
    const unknown = await failureOf(client.unary(chat.getChat, { chatId: unknownChat }));
    expect(unknown).toMatchObject({
      code: "NOT_FOUND",
      reason: "CHAT_NOT_FOUND",
      domain: "palaver.dev",
      origin: "target",
    });
    const invalid = await failureOf(client.unary(chat.getChat, { chatId: "no uuid" }));
    expect(invalid).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_REQUEST", origin: "target" });
    expect(invalid.violations.map(({ field }) => field)).toEqual(["chat_id"]);
    expect(invalid.details.map(({ type }) => type).toSorted()).toEqual([
      "google.rpc.BadRequest",
      "google.rpc.ErrorInfo",
    ]);
  });

  it("a stream that is refused fails likewise, before any message", async () => {
    const call = clientOf(wire).call(chat.subscribe, { chatId: unknownChat });
    expect(await endOf(call)).toMatchObject({
      how: "failed",
      failure: { code: "NOT_FOUND", reason: "CHAT_NOT_FOUND", origin: "target" },
    });
    expect(call.messages).toEqual([]);
    expect(call.frames.at(-2)?.kind).toBe("trailers");
    expect(call.frames.at(-1)?.kind).toBe("end");
  });

  it("a turn is watched as it happens: each event is there before the next gate opens", async () => {
    const client = clientOf(wire);
    const script = model.script([text("first"), gate("middle"), text(" second")]);
    const chatId = await newChat(client, script);
    using watch = client.call(chat.subscribe, { chatId });
    await script.reached("middle", inTime());
    await watch.until("the first fragment", has("messagePart"), inTime());
    script.open("middle");
    const last = await watch.until(
      "the committed answer",
      (messages) =>
        events(messages).find(
          (event) => event.case === "status" && event.value.status === ChatStatus.WAITING,
        ),
      inTime(),
    );
    expect(last.case).toBe("status");
    const frames = watch.frames.filter((frame) => frame.kind === "message");
    // The frames are the messages, as they came.
    expect(
      frames.map(({ encoding, bytes }) =>
        encoding === "json"
          ? fromJsonString(SubscribeResponseSchema, Buffer.from(bytes).toString())
          : fromBinary(SubscribeResponseSchema, bytes),
      ),
    ).toEqual(watch.messages.map(({ message }) => message));
  });

  it("a call that this side leaves has ended for it, and takes nothing more", async () => {
    const client = clientOf(wire);
    const call = client.call(chat.subscribe, { chatId: await newChat(client) });
    await call.until("caught_up", has("caughtUp"), inTime());
    call.cancel();
    expect(await endOf(call)).toEqual({ how: "left" });
    expect(call.frames.at(-1)?.kind).toBe("end");
    // The client goes on.
    expect(await client.unary(chat.listChats, {})).toBeDefined();
  });

  it("a deadline ends a stream with DEADLINE_EXCEEDED", async () => {
    const client = clientOf(wire);
    const call = client.call(chat.subscribe, { chatId: await newChat(client) }, { timeoutMs: 300 });
    expect(await endOf(call)).toMatchObject({ how: "failed", failure: { code: "DEADLINE_EXCEEDED" } });
    expect(call.messages.length).toBeGreaterThan(0);
  });

  it("what is not there is UNAVAILABLE, and nobody took that for the target's word", async () => {
    const call = clientOf(wire, `http://127.0.0.1:${(await reservePort()).port}`).call(chat.listChats, {});
    expect(await endOf(call)).toMatchObject({
      how: "failed",
      failure: { code: "UNAVAILABLE", reason: undefined, origin: "client" },
    });
  });

  it("a connection that is cut ends a stream with a failure of this side", async () => {
    await using link = await openTcpGate({ host: "127.0.0.1", port: Number(new URL(reference.url).port) });
    const client = clientOf(wire, `http://127.0.0.1:${link.port}`);
    const call = client.call(chat.subscribe, { chatId: await newChat(client) });
    await call.until("caught_up", has("caughtUp"), inTime());
    expect(link.sever()).toBeGreaterThan(0);
    expect(await endOf(call)).toMatchObject({ how: "failed", failure: { origin: "client" } });
  });

  it("a reader that has paused takes nothing more, and everything once it goes on", async () => {
    const { slow, fast, length, go } = await twoReaders(wire, 1_200_000);
    slow.pause();
    go();
    await fast.until("the whole text", whole(length), inTime());
    expect(lengthOf(slow)).toBeLessThan(length);
    slow.resume();
    await slow.until("the whole text", whole(length), inTime());
  });

  it("files, imports and health are called in the same way", async () => {
    const client = clientOf(wire);
    const bytes = Buffer.from("some text\n");
    const { file } = await client.unary(FileService.method.createFile, { name: "a.txt", data: bytes });
    const pieces = client.call(FileService.method.getFile, { fileId: file?.id ?? "" });
    expect(await endOf(pieces)).toEqual({ how: "completed" });
    const chunks = pieces.messages.map(({ message }) => message.piece);
    expect(chunks.flatMap((piece) => (piece.case === "chunk" ? [Buffer.from(piece.value)] : []))).toEqual([
      bytes,
    ]);
    const rows = [{ role: "user", contentVersion: 0, contentJson: '"hello"' }];
    const parsed = await client.unary(ImportService.method.parseRows, { rows });
    expect(parsed.rows).toMatchObject([{ parts: [{ kind: { case: "text", value: { text: "hello" } } }] }]);
    const imported = client.call(ImportService.method.importMessages, { rows });
    await endOf(imported);
    expect(imported.messages.at(-1)?.message.event).toMatchObject({ case: "result", value: { rowCount: 1 } });
    expect(await client.unary(Health.method.check, {})).toMatchObject({
      status: HealthCheckResponse_ServingStatus.SERVING,
    });
  });

  // Connect's library sends requests of streams over HTTP/1.1 in one go, and the unary ones of gRPC-Web too: that is enough for an upload.
  it("a call takes several messages", async () => {
    async function* upload() {
      yield { piece: { case: "header" as const, value: { name: "a.txt", sizeBytes: 6n } } };
      yield { piece: { case: "chunk" as const, value: Buffer.from("abc") } };
      yield { piece: { case: "chunk" as const, value: Buffer.from("def") } };
    }
    const { file } = await clientOf(wire).unary(FileService.method.uploadFile, upload());
    expect(file).toMatchObject({ name: "a.txt", sizeBytes: 6n });
  });
});

it.each(wires.filter(({ name }) => name === "grpc" || name === "connect-h2"))(
  "over $name the target feels that a reader has paused, and gives it up",
  async (wire) => {
    const length = 9_000_000;
    const { script, chatId } = await longStep(length);
    const list = clientOf(grpc).call(chat.watchChats, { updatesOnly: true });
    const slow = clientOf(wire).call(chat.subscribe, { chatId });
    await slow.until("caught_up", has("caughtUp"), inTime());
    // Whoever comes later is not told of a turn that has ended.
    await list.until(
      "caught_up",
      (messages) =>
        messages.flatMap((message) => message.events).find(({ event }) => event.case === "caughtUp"),
      inTime(),
    );
    slow.pause();
    script.open("begin");
    await list.until(
      "the end of the turn",
      (messages) =>
        messages
          .flatMap((message) => message.events.map(({ event }) => event))
          .find(
            (event) =>
              event.case === "chatUpdate" &&
              event.value.chat?.id === chatId &&
              event.value.chat.status === ChatStatus.WAITING,
          ),
      inTime(),
    );
    slow.resume();
    expect(await endOf(slow)).toMatchObject({
      how: "failed",
      failure: { code: "RESOURCE_EXHAUSTED", reason: "SLOW_CONSUMER", origin: "target" },
    });
    expect(lengthOf(slow)).toBeLessThan(length);
  },
);

it("over gRPC a call may stream both ways", async () => {
  async function* requests() {
    yield { messageRequest: { case: "listServices" as const, value: "" } };
  }
  const call = clientOf(grpc).call(ServerReflection.method.serverReflectionInfo, requests());
  expect(await endOf(call)).toEqual({ how: "completed" });
  expect(call.messages[0]?.message.messageResponse).toMatchObject({ case: "listServicesResponse" });
});

it("what nobody finds is waited for as long as the signal says, or until the call ends", async () => {
  const client = clientOf(grpc);
  using call = client.call(chat.subscribe, { chatId: await newChat(client) });
  const patience = new AbortController();
  const waiting = call.until("something else", () => undefined, { signal: patience.signal });
  patience.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("no something else");
  const ended = call.until("something else", () => undefined);
  call.cancel();
  await expect(ended).rejects.toThrow("ended (left) before something else");
});

/** A chat whose turn generates that many characters when the gate `begin` is opened. */
async function longStep(length: number): Promise<{ script: ModelScript; chatId: string }> {
  const script = model.script([gate("begin"), text("x".repeat(length), { codePoints: 10_000 })]);
  return { script, chatId: await newChat(clientOf(grpc), script) };
}

/** Two that watch such a chat. */
async function twoReaders(wire: Wire, length: number) {
  const { script, chatId } = await longStep(length);
  const slow = clientOf(wire).call(chat.subscribe, { chatId });
  const fast = clientOf(grpc).call(chat.subscribe, { chatId });
  await Promise.all([slow, fast].map((call) => call.until("caught_up", has("caughtUp"), inTime())));
  return { slow, fast, length, go: () => script.open("begin") };
}

function lengthOf(call: Call<SubscribeResponse>): number {
  return lengthIn(call.messages.map(({ message }) => message));
}

function whole(length: number): (messages: readonly SubscribeResponse[]) => true | undefined {
  return (messages) => (lengthIn(messages) === length ? true : undefined);
}

function lengthIn(messages: readonly SubscribeResponse[]): number {
  return events(messages).reduce(
    (length, event) =>
      event.case === "messagePart" && event.value.part?.kind.case === "text"
        ? length + event.value.part.kind.value.text.length
        : length,
    0,
  );
}
