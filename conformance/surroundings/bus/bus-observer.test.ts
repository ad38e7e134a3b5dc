import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ChatStatus } from "../../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { openClient } from "../clients/open-client.js";
import { openAiModel, startReference } from "../clients/reference.fixture.js";
import { wires } from "../clients/wires.js";
import { text } from "../scripted-model/script.js";
import { startScriptedModel } from "../scripted-model/scripted-model.js";
import { type BusMessage, type BusObserver, observeBus, subjectOf } from "./bus-observer.js";
import { startNats } from "./nats.fixture.js";

const chatId = "0b1c8cb2-6a52-4a3e-9c6e-6f1f2a3b4c5d";
const told: BusMessage[] = [];
const inTime = () => ({ signal: AbortSignal.timeout(20_000) });

let nats: Awaited<ReturnType<typeof startNats>>;
let bus: BusObserver;
/** Somebody else on the bus. */
let other: NatsConnection;
beforeAll(async () => {
  nats = await startNats();
  bus = await observeBus({ servers: nats.url, onMessage: (message) => told.push(message) });
  other = await connect({ servers: nats.url });
});
afterAll(async () => {
  await other.close();
  await bus[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

it("sees what a target says of its chats: versions that rise, decoded, with the bytes and headers as they came", async () => {
  await using model = await startScriptedModel();
  await using reference = await startReference(model, { NATS_URL: nats.url });
  using client = openClient(wires[0], reference.url);
  const script = model.script([text("Hello")]);
  const parts = [{ kind: { case: "text" as const, value: { text: script.says("hi") } } }];
  const { chat } = await client.unary(ChatService.method.createChat, { model: openAiModel, parts });
  const id = chat?.id ?? "";
  await bus.until(
    "word that the turn is over",
    () => bus.of(id).find(({ notification }) => notification?.status?.status === ChatStatus.WAITING),
    inTime(),
  );
  const seen = bus.of(id);
  const versions = seen.map(({ notification }) => notification?.snapshotVersion ?? 0n);
  // A version that waits for the server gives way to the next.
  expect(versions.every((version, index) => version > (versions[index - 1] ?? 0n))).toBe(true);
  for (const { subject, notification, bytes, headers, isInjected } of seen) {
    expect(subject).toBe(subjectOf(id));
    expect(notification?.chatId).toBe(id);
    expect(headers["Nats-Msg-Id"]).toBe(`${id}:${notification?.snapshotVersion ?? 0n}`);
    expect(Buffer.from(bytes).includes("Hello")).toBe(false);
    expect(isInjected).toBe(false);
  }
  expect(told).toEqual(bus.messages);
  // What is said again, or is not true, the target survives: the chat is as it was.
  const [first] = seen;
  if (first !== undefined) await bus.repeat(first);
  await bus.forge(id, { chatId: id, snapshotVersion: 1_000n, status: { status: ChatStatus.ERROR } });
  await bus.inject(subjectOf(id), Buffer.from([0xff]));
  const after = await client.unary(ChatService.method.getChat, { chatId: id });
  expect(after.chat?.status).toBe(ChatStatus.WAITING);
});

it("what it injects comes to everybody who listens, and it knows its own again", async () => {
  const received: { subject: string; bytes: Uint8Array }[] = [];
  const subscription = other.subscribe("palaver.v1.chat.>", { max: 4 });
  await other.flush();
  const reading = (async () => {
    for await (const { subject, data } of subscription) received.push({ subject, bytes: data });
  })();
  const since = bus.messages.length;
  await bus.forge(chatId, { chatId, snapshotVersion: 7n });
  const forged = await bus.until("the forged one", (messages) => messages[since], inTime());
  expect(forged).toMatchObject({ chatId, isInjected: true, notification: { snapshotVersion: 7n } });
  await bus.repeat(forged);
  await bus.inject(subjectOf(chatId), Buffer.from([0xff, 0x01]));
  // Not the subject of a chat: nobody who observes chats gets it.
  await bus.inject("palaver.v1.chat.a.b.notify", new Uint8Array());
  await reading;
  expect(received.map(({ subject }) => subject)).toEqual([
    ...Array<string>(3).fill(subjectOf(chatId)),
    "palaver.v1.chat.a.b.notify",
  ]);
  expect(received[1]?.bytes).toEqual(received[0]?.bytes);
  const garbage = await bus.until("the garbage", (messages) => messages[since + 2], inTime());
  expect(garbage).toMatchObject({ notification: undefined, bytes: Buffer.from([0xff, 0x01]) });
  expect(bus.messages).toHaveLength(since + 3);
});

it("what does not come is waited for as long as the signal says", async () => {
  await expect(
    bus.until("anything else", () => undefined, { signal: AbortSignal.abort(new Error("enough")) }),
  ).rejects.toThrow("no anything else");
});

it("keeps only so many messages, and tells each all the same", async () => {
  let count = 0;
  await using small = await observeBus({ servers: nats.url, maxMessages: 2, onMessage: () => (count += 1) });
  for (const version of [1n, 2n, 3n]) await small.forge(chatId, { chatId, snapshotVersion: version });
  await small.until(
    "the last",
    (messages) => messages.find(({ notification }) => notification?.snapshotVersion === 3n),
    inTime(),
  );
  expect(small.messages.map(({ notification }) => notification?.snapshotVersion)).toEqual([2n, 3n]);
  expect(count).toBe(3);
});
