import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { randomUUID } from "node:crypto";
import { ErrorCode, type NatsConnection, NatsError, type StoredMsg } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bus, connectNatsBus } from "../../src/bus/index.js";
import type { NatsBusOptions } from "../../src/bus/nats-bus.js";
import { chatSubject, ownerSubject, runnableSubject } from "../../src/bus/subjects.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import {
  type ChatNotification,
  ChatNotificationSchema,
} from "../../src/gen/palaver/relay/v1/notification_pb.js";
import { silentLogger, systemClock, systemRandom } from "../../src/platform/index.js";
import { type NatsServer, startNats } from "../kit/nats-server.js";
import { openTcpGate } from "../kit/tcp-gate.js";
import { until } from "../kit/until.js";

/** What a server says to a request that nobody listens for. */
const noResponders: string = ErrorCode.NoResponders;

let nats: NatsServer;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats[Symbol.asyncDispose]());

function optionsFor(port: number, more: Partial<NatsBusOptions> = {}): NatsBusOptions {
  return {
    servers: [`127.0.0.1:${port}`],
    credential: { kind: "none" },
    tls: undefined,
    stream: { replicas: 1, storage: "file" },
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    ...more,
  };
}

/** A bus, and what it says of a chat. */
async function openBus(more: Partial<NatsBusOptions> = {}, port = nats.port): Promise<Bus> {
  return connectNatsBus(optionsFor(port, more));
}

/** What is heard of a chat; undefined: something may have been missed. */
type Heard = (ChatNotification | undefined)[];

/** Listens, and resolves when the subscription holds: from then on nothing is missed. */
async function listen(bus: Bus, chatId: string): Promise<Disposable & { heard: Heard }> {
  const heard: Heard = [];
  const watch = bus.watchChat(chatId, (notification) => heard.push(notification));
  await until(() => heard.includes(undefined), { what: "the subscription" });
  heard.length = 0;
  return { heard, [Symbol.dispose]: () => watch[Symbol.dispose]() };
}

function versionsOf(heard: Heard): (bigint | undefined)[] {
  return heard.map((notification) => notification?.snapshotVersion);
}

function notification(chatId: string, version: number, status = ChatStatus.RUNNING): ChatNotification {
  return create(ChatNotificationSchema, {
    chatId,
    snapshotVersion: BigInt(version),
    status: { status, workerId: "" },
  });
}

/** The last notification of a chat that the stream has, as soon as it has one. */
async function lastStored(connection: NatsConnection, chatId: string): Promise<StoredMsg> {
  const { streams } = await connection.jetstreamManager();
  const subject = chatSubject(chatId) ?? "";
  // To ask for a message of a stream that is being made crashes servers of version 2.9.
  await until(
    async () =>
      (await streams.info("PALAVER_NOTIFY", { subjects_filter: subject })).state.subjects?.[subject],
    { what: "the notification in the stream" },
  );
  return streams.getMessage("PALAVER_NOTIFY", { last_by_subj: subject });
}

describe("two replicas on one NATS", () => {
  it("hear each other's notifications, and their own once and at once", async () => {
    await using a = await openBus();
    await using b = await openBus();
    const chatId = randomUUID();
    using onA = await listen(a, chatId);
    using onB = await listen(b, chatId);
    const sent = notification(chatId, 7);
    a.publish(sent, "ada");
    expect(onA.heard).toEqual([sent]);
    await until(() => onB.heard.length > 0, { what: "the notification on the other replica" });
    expect(onB.heard).toEqual([sent]);
    b.publish(notification(chatId, 8), "ada");
    await until(() => onA.heard.length > 1, { what: "the answer" });
    expect(versionsOf(onA.heard)).toEqual([7n, 8n]);
  });

  it("hear of an owner's chats, and of work, without being told whose and what", async () => {
    await using a = await openBus();
    await using b = await openBus();
    const owner = `ada ${randomUUID()} *.>`;
    let ofOwner = 0;
    let ofOther = 0;
    let ofWork = 0;
    using _owner = b.watchOwner(owner, () => (ofOwner += 1));
    using _other = b.watchOwner("somebody else", () => (ofOther += 1));
    using _work = b.watchRunnable(() => (ofWork += 1));
    await until(() => ofOwner === 1 && ofOther === 1 && ofWork === 1, { what: "the subscriptions" });
    const tap = await nats.connect();
    const raw: { subject: string; bytes: number }[] = [];
    tap.subscribe("palaver.v1.>", {
      callback: (_, { subject, data }) => raw.push({ subject, bytes: data.length }),
    });
    await tap.flush();
    const chatId = randomUUID();
    a.publish(notification(chatId, 1, ChatStatus.PENDING), owner);
    await until(() => ofOwner === 2 && ofWork === 2, { what: "both hints" });
    await until(() => raw.length === 3, { what: "all messages" });
    expect(raw).toContainEqual({ subject: ownerSubject(owner), bytes: 0 });
    expect(raw).toContainEqual({ subject: runnableSubject, bytes: 0 });
    a.publish(notification(chatId, 2), owner);
    await until(() => ofOwner === 3, { what: "the second hint" });
    expect([ofOther, ofWork]).toEqual([1, 2]);
    await tap.close();
  });

  it("say to an owner once what happens at once, before what they say of the chats", async () => {
    await using bus = await openBus();
    const tap = await nats.connect();
    const subjects: string[] = [];
    tap.subscribe("palaver.v1.>", { callback: (_, { subject }) => subjects.push(subject) });
    await tap.flush();
    const [ada, bob] = [`ada ${randomUUID()}`, `bob ${randomUUID()}`];
    const chatIds = [randomUUID(), randomUUID(), randomUUID()] as const;
    const [first, second, third] = chatIds;
    bus.publish(notification(first, 1), ada);
    bus.publish(notification(second, 1, ChatStatus.PENDING), ada);
    bus.publish(notification(third, 1, ChatStatus.PENDING), bob);
    await until(() => subjects.length === 6, { what: "all messages" });
    const of = (chatId: string): string | undefined => chatSubject(chatId);
    expect(subjects).toEqual([
      ownerSubject(ada),
      of(first),
      runnableSubject,
      of(second),
      ownerSubject(bob),
      of(third),
    ]);
    bus.publish(notification(first, 2), ada);
    await until(() => subjects.length === 8, { what: "what is said later" });
    expect(subjects.slice(6)).toEqual([ownerSubject(ada), of(first)]);
    await tap.close();
  });

  it("do not receive what nobody watches any more", async () => {
    await using a = await openBus();
    await using b = await openBus();
    const [left, kept] = [randomUUID(), randomUUID()];
    using onKept = await listen(b, kept);
    const first = await listen(b, left);
    // Its subscription holds already.
    const secondHeard: Heard = [];
    const second = b.watchChat(left, (heard) => secondHeard.push(heard));
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    a.publish(notification(left, 1), "ada");
    await until(() => secondHeard.length === 1, { what: "the notification, while one still watches" });
    second[Symbol.dispose]();
    a.publish(notification(left, 2), "ada");
    a.publish(notification(kept, 3), "ada");
    await until(() => onKept.heard.length === 1, { what: "what came after" });
    expect(first.heard).toEqual([]);
    expect(secondHeard).toEqual([notification(left, 1)]);
  });
});

it("the last who leaves a subject ends its subscription", async () => {
  await using bus = await openBus();
  const own = await nats.connect();
  const owner = randomUUID();
  /** The server says at once that nobody listens; where somebody does, nobody answers. */
  const isWatched = (): Promise<boolean> =>
    own.request(ownerSubject(owner), undefined, { timeout: 300 }).then(
      () => true,
      (error: unknown) => !(error instanceof NatsError && error.code === noResponders),
    );
  const watches = [0, 1].map(() => bus.watchOwner(owner, () => undefined));
  await until(isWatched, { what: "the subscription" });
  watches[0]?.[Symbol.dispose]();
  watches[0]?.[Symbol.dispose]();
  using _other = bus.watchOwner("somebody else", () => undefined);
  expect(await isWatched()).toBe(true);
  watches[1]?.[Symbol.dispose]();
  await until(async () => !(await isWatched()), { what: "its end" });
});

it("a notification is stored once, with its message id, however often it is published", async () => {
  await using a = await openBus();
  await using b = await openBus();
  const chatId = randomUUID();
  for (const bus of [a, b, a]) bus.publish(notification(chatId, 5), "ada");
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
  const own = await nats.connect();
  const stored = await lastStored(own, chatId);
  const { streams } = await own.jetstreamManager();
  const subject = chatSubject(chatId) ?? "";
  const { state } = await streams.info("PALAVER_NOTIFY", { subjects_filter: subject });
  expect(state.subjects).toEqual({ [subject]: 1 });
  expect(stored.header.get("Nats-Msg-Id")).toBe(`${chatId}:5`);
  expect(fromBinary(ChatNotificationSchema, stored.data)).toEqual(notification(chatId, 5));
});

describe("what is not ours on the subject of a chat (BUS-4, BUS-7)", () => {
  it("is ignored, and does not disturb what is", async () => {
    await using bus = await openBus();
    const [chatId, another] = [randomUUID(), randomUUID()];
    using onBus = await listen(bus, chatId);
    const own = await nats.connect();
    const subject = chatSubject(chatId) ?? "";
    own.publish(subject, new Uint8Array());
    own.publish(subject, new TextEncoder().encode('{"chat_id":"json"}'));
    own.publish(subject, new Uint8Array(100_000).fill(7));
    own.publish(subject, toBinary(ChatNotificationSchema, notification(another, 1)));
    own.publish(subject, toBinary(ChatNotificationSchema, notification(chatId, 9)).slice(0, -1));
    own.publish("palaver.v1.chat.nobody.notify", new Uint8Array([1]));
    own.publish(subject, toBinary(ChatNotificationSchema, notification(chatId, 2)));
    await until(() => onBus.heard.length > 0, { what: "the good one" });
    expect(onBus.heard).toEqual([notification(chatId, 2)]);
  });

  it("unless it is a notification of a version that knows more fields, or fewer", async () => {
    await using bus = await openBus();
    const chatId = randomUUID();
    using onBus = await listen(bus, chatId);
    const own = await nats.connect();
    const id = toBinary(ChatNotificationSchema, create(ChatNotificationSchema, { chatId }));
    // Field 1000, a varint.
    own.publish(chatSubject(chatId) ?? "", new Uint8Array([...id, 0xc0, 0x3e, 0x05]));
    own.publish(chatSubject(chatId) ?? "", id);
    await until(() => onBus.heard.length === 2, { what: "both" });
    expect(onBus.heard.map((heard) => heard?.chatId)).toEqual([chatId, chatId]);
  });
});

describe("the stream", () => {
  it("is made by any number of replicas at the same time, with its limits", async () => {
    await using own = await startNats();
    const buses = await Promise.all(Array.from({ length: 6 }, () => openBus({}, own.port)));
    const { streams } = await (await own.connect()).jetstreamManager();
    const { config } = await until(() => streams.info("PALAVER_NOTIFY"), { what: "the stream" });
    expect(config).toMatchObject({
      subjects: ["palaver.v1.chat.*.notify"],
      retention: "limits",
      storage: "file",
      discard: "old",
      max_age: 600_000_000_000,
      max_bytes: 67_108_864,
      max_msgs_per_subject: 1,
      duplicate_window: 120_000_000_000,
      num_replicas: 1,
    });
    for (const bus of buses) await bus[Symbol.asyncDispose]();
  });

  it("of an older version is brought to the limits, and stays where it is stored", async () => {
    await using own = await startNats();
    const { streams } = await (await own.connect()).jetstreamManager();
    await streams.add({
      name: "PALAVER_NOTIFY",
      subjects: ["palaver.v0.notify"],
      max_msgs_per_subject: 4,
      storage: "memory" as never,
    });
    const buses = await Promise.all(Array.from({ length: 3 }, () => openBus({}, own.port)));
    await until(
      async () => {
        const { config } = await streams.info("PALAVER_NOTIFY");
        expect(config).toMatchObject({
          subjects: ["palaver.v1.chat.*.notify"],
          max_msgs_per_subject: 1,
          max_bytes: 67_108_864,
          storage: "memory",
        });
        return true;
      },
      { what: "our limits" },
    );
    for (const bus of buses) await bus[Symbol.asyncDispose]();
  });

  it("that somebody deletes is made again, and what was not stored is sent again", async () => {
    await using own = await startNats();
    await using bus = await openBus({}, own.port);
    const connection = await own.connect();
    const { streams } = await connection.jetstreamManager();
    await until(() => streams.info("PALAVER_NOTIFY"), { what: "the stream" });
    await streams.delete("PALAVER_NOTIFY");
    const chatId = randomUUID();
    bus.publish(notification(chatId, 3), "ada");
    const stored = await lastStored(connection, chatId);
    expect(stored.header.get("Nats-Msg-Id")).toBe(`${chatId}:3`);
  });
});

it("without JetStream replicas still hear each other", async () => {
  await using own = await startNats({ jetStream: false });
  await using a = await openBus({}, own.port);
  await using b = await openBus({}, own.port);
  const chatId = randomUUID();
  using onB = await listen(b, chatId);
  a.publish(notification(chatId, 1), "ada");
  await until(() => onB.heard.length > 0, { what: "the notification" });
});

describe("a connection that breaks", () => {
  it("comes back: whoever watches is told to look, and what was announced meanwhile is sent", async () => {
    await using link = await openTcpGate({ host: "127.0.0.1", port: nats.port });
    await using cut = await openBus({}, link.port);
    await using whole = await openBus();
    const chatId = randomUUID();
    using onCut = await listen(cut, chatId);
    using onWhole = await listen(whole, chatId);
    let work = 0;
    using _work = cut.watchRunnable(() => (work += 1));
    await until(() => work === 1, { what: "the subscription" });
    link.sever();
    whole.publish(notification(chatId, 1), "ada");
    cut.publish(notification(chatId, 2), "ada");
    cut.publish(notification(chatId, 3), "ada");
    // The own listeners hear at once, connection or not (BUS-6).
    expect(versionsOf(onCut.heard)).toEqual([2n, 3n]);
    link.mend();
    await until(() => onCut.heard.includes(undefined), { what: "the hint to look" });
    await until(() => versionsOf(onWhole.heard).includes(3n), {
      what: "what was announced while the connection was away",
    });
    await until(() => work === 2, { what: "the hint to look for work" });
  });

  it("does not keep the bus from being disposed", async () => {
    await using own = await startNats();
    const bus = await openBus({}, own.port);
    using _watch = bus.watchChat(randomUUID(), () => undefined);
    await own.kill();
    bus.publish(notification(randomUUID(), 1), "ada");
    await bus[Symbol.asyncDispose]();
    await bus[Symbol.asyncDispose]();
  });
});

describe("a NATS that is not there when the bus starts", () => {
  it("is connected to when it comes", async () => {
    await using own = await startNats();
    await own.kill();
    await using a = await openBus({}, own.port);
    await using b = await openBus({}, own.port);
    const chatId = randomUUID();
    const heard: Heard = [];
    using _watch = b.watchChat(chatId, (notification) => heard.push(notification));
    a.publish(notification(chatId, 4), "ada");
    await own.start();
    // That is as good as the notification of before, which may have come earlier than b did.
    await until(() => heard.includes(undefined), { what: "the hint to look" });
    expect((await lastStored(await own.connect(), chatId)).header.get("Nats-Msg-Id")).toBe(`${chatId}:4`);
    a.publish(notification(chatId, 5), "ada");
    await until(() => versionsOf(heard).includes(5n), { what: "the next notification" });
  });

  it("does not keep the bus from being disposed", async () => {
    await using own = await startNats();
    await own.kill();
    const bus = await openBus({}, own.port);
    bus.publish(notification(randomUUID(), 1), "ada");
    await bus[Symbol.asyncDispose]();
  });
});

it("a disposed bus has sent what it had", async () => {
  await using bus = await openBus();
  const chatIds = Array.from({ length: 300 }, () => randomUUID());
  for (const chatId of chatIds) bus.publish(notification(chatId, 1), "ada");
  await bus[Symbol.asyncDispose]();
  const own = await nats.connect();
  for (const chatId of chatIds) {
    expect((await lastStored(own, chatId)).header.get("Nats-Msg-Id")).toBe(`${chatId}:1`);
  }
});
