import { create, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatNotificationSchema } from "../../src/gen/palaver/relay/v1/notification_pb.js";
import { systemClock } from "../../src/platform/index.js";
import { type NatsServer, startNats } from "../kit/nats-server.js";
import { gate, type ProviderServer, startProviderServer, text } from "../kit/provider-server/index.js";
import { newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { until } from "../kit/until.js";
import { textOf } from "../kit/watch.js";

/** So that nothing but the bus can have told. */
const silent = { PALAVER_POLL: "10m" };

let providers: ProviderServer;
let nats: NatsServer;
beforeAll(async () => {
  [providers, nats] = await Promise.all([startProviderServer(), startNats()]);
});
afterAll(async () => {
  await nats[Symbol.asyncDispose]();
  await providers[Symbol.asyncDispose]();
});

interface Pair extends AsyncDisposable {
  readonly worker: TestReplica;
  /** On the same database and NATS; runs no turns. */
  readonly other: TestReplica;
}

async function startPair(
  server: NatsServer,
  env: { worker?: Record<string, string>; other?: Record<string, string> } = {},
): Promise<Pair> {
  const shared = { ...silent, NATS_URL: server.url };
  const worker = await startTestReplica({ providers, env: { ...shared, ...env.worker } });
  const other = await startTestReplica({
    providers,
    env: {
      ...shared,
      DATABASE_URL: worker.env["DATABASE_URL"] ?? "",
      PALAVER_CONCURRENT_TURNS: "0",
      ...env.other,
    },
  });
  return {
    worker,
    other,
    [Symbol.asyncDispose]: async () => {
      await other[Symbol.asyncDispose]();
      await worker[Symbol.asyncDispose]();
    },
  };
}

describe("two replicas on one database and one NATS", () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair(nats);
  });
  afterAll(() => pair[Symbol.asyncDispose]());

  it("a turn that runs on one is seen on the other: messages, status and queue, without a poll", async () => {
    const { worker, other } = pair;
    const script = await providers.script(
      [text("first"), gate("here"), text(" answer")],
      [text("second answer")],
    );
    const chatId = await newChat(worker.client, `openai-chat/${script.model}`);
    const watch = other.watch(chatId);
    await watch.event("caughtUp");
    await worker.client.sendMessage({ chatId, parts: says("go") });
    await script.reached("here");
    await watch.status(ChatStatus.RUNNING);
    await worker.client.sendMessage({ chatId, parts: says("and then?") });
    await watch.event("queueUpdate", ({ queue }) => queue.length === 1);
    const mark = watch.mark;
    await script.open("here");
    await watch.status(ChatStatus.WAITING, mark);
    expect(watch.messages().map(textOf)).toEqual(["go", "first answer", "and then?", "second answer"]);
  });

  it("what is sent through one that runs no turns is picked up by the other at once", async () => {
    const { worker, other } = pair;
    const script = await providers.script([text("here you are")], [text("here again")]);
    const chatId = await newChat(other.client, `openai-chat/${script.model}`, "go");
    const watches = [other.watch(chatId), worker.watch(chatId)];
    for (const watch of watches) {
      await watch.until("the answer", () => (watch.messages().length === 2 ? true : undefined));
      await watch.status(ChatStatus.WAITING);
    }
    const marks = watches.map(({ mark }) => mark);
    await other.client.sendMessage({ chatId, parts: says("again") });
    for (const [index, watch] of watches.entries()) {
      await watch.status(ChatStatus.WAITING, marks[index]);
      expect(watch.messages().map(textOf)).toEqual(["go", "here you are", "again", "here again"]);
    }
  });

  it("an interrupt on one stops the turn on the other (INT-1)", async () => {
    const { worker, other } = pair;
    const script = await providers.script([text("Once upon "), gate("never")]);
    const chatId = await newChat(worker.client, `openai-chat/${script.model}`, "go");
    const [near, far] = [worker.watch(chatId), other.watch(chatId)];
    await script.reached("never");
    await near.event("messagePart");
    await far.status(ChatStatus.RUNNING);
    const startedMs = systemClock.monotonicMs();
    await other.client.interruptChat({ chatId });
    expect(await script.ended(0)).toBe("aborted by client");
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(2_000);
    await far.status(ChatStatus.WAITING);
    expect(far.messages().map((message) => [textOf(message), message.interrupted])).toEqual([
      ["go", false],
      ["Once upon ", true],
    ]);
  });

  it("the list of chats on one tells what the other does", async () => {
    const { worker, other } = pair;
    const leave = new AbortController();
    const events = other.client.watchChats({}, { signal: leave.signal })[Symbol.asyncIterator]();
    try {
      const untilTold = async (
        what: (kind: string | undefined, id: string | undefined) => boolean,
      ): Promise<void> => {
        for (;;) {
          const { value, done } = await events.next();
          if (done === true) throw new Error("the list ended");
          for (const { event } of value.events) {
            const chat = event.case === "chatUpdate" ? event.value.chat : undefined;
            if (what(event.case, chat?.id)) return;
          }
        }
      };
      await untilTold((kind) => kind === "caughtUp");
      const script = await providers.script([text("hello")]);
      const chatId = await newChat(worker.client, `openai-chat/${script.model}`, "go");
      await untilTold((_, id) => id === chatId);
    } finally {
      leave.abort();
    }
  });

  it("forged, doubled, stale and reordered notifications cause no event (BUS-4)", async () => {
    const { worker, other } = pair;
    const script = await providers.script([text("all there is")]);
    const chatId = await newChat(worker.client, `openai-chat/${script.model}`, "go");
    const watch = other.watch(chatId);
    await watch.status(ChatStatus.WAITING);
    await watch.event("caughtUp");
    const before = watch.mark;
    const connection = await nats.connect();
    const subject = `palaver.v1.chat.${chatId}.notify`;
    for (const version of [9_000n, 1n, 2n ** 63n - 1n, -5n, 9_000n, 2n, 0n]) {
      const forged = create(ChatNotificationSchema, {
        chatId,
        snapshotVersion: version,
        historyVersion: 77n,
        queueVersion: 78n,
        generationAttempt: 3,
        status: { status: ChatStatus.ERROR, workerId: "nobody" },
      });
      connection.publish(subject, toBinary(ChatNotificationSchema, forged));
    }
    connection.publish(subject, new Uint8Array([255, 255, 255]));
    connection.publish("palaver.v1.runnable", new Uint8Array(10));
    await connection.flush();
    await other.client.updateChat({
      chat: { id: chatId, title: "the end" },
      updateMask: { paths: ["title"] },
    });
    await watch.until("the next real change", (events) => (events.length > before ? true : undefined));
    expect(watch.events.slice(before).map((event) => event.case)).toEqual(["chatUpdate"]);
  });
});

describe("NATS dies", () => {
  it("in the middle of a turn: the turn goes on, and is seen where it runs; when NATS is back, everywhere", async () => {
    await using own = await startNats();
    await using pair = await startPair(own);
    const { worker, other } = pair;
    const script = await providers.script([text("first"), gate("here"), text(" and last")], [text("again")]);
    const chatId = await newChat(worker.client, `openai-chat/${script.model}`, "go");
    const [near, far] = [worker.watch(chatId), other.watch(chatId)];
    await script.reached("here");
    await far.status(ChatStatus.RUNNING);
    await far.event("caughtUp");
    await own.kill();
    await script.open("here");
    await near.status(ChatStatus.WAITING);
    expect(near.messages().map(textOf)).toEqual(["go", "first and last"]);
    expect(far.messages().map(textOf)).toEqual(["go"]);
    // The replica without a bus takes messages.
    await worker.client.sendMessage({ chatId, parts: says("more") });
    await near.until("the second answer", () => (near.messages().length === 4 ? true : undefined));
    await own.start();
    await far.until("all messages", () => (far.messages().length === 4 ? true : undefined));
    expect(far.messages().map(textOf)).toEqual(["go", "first and last", "more", "again"]);
    // And the bus works as before.
    const mark = far.mark;
    await worker.client.updateChat({
      chat: { id: chatId, title: "the end" },
      updateMask: { paths: ["title"] },
    });
    await far.event("chatUpdate", () => true, mark);
  });

  it("and so does a replica, with all that it had to say: whoever watched elsewhere finds it when NATS is back (BUS-5)", async () => {
    await using own = await startNats();
    await using pair = await startPair(own);
    const { worker, other } = pair;
    const script = await providers.script([text("hello")]);
    const model = `openai-chat/${script.model}`;
    const chatIds = await Promise.all(Array.from({ length: 20 }, () => newChat(worker.client, model)));
    const watches = chatIds.map((chatId) => other.watch(chatId));
    for (const watch of watches) await watch.event("caughtUp");
    const [deleted, ...renamed] = chatIds;
    await own.kill();
    for (const id of renamed)
      await worker.client.updateChat({ chat: { id, title: "the end" }, updateMask: { paths: ["title"] } });
    await worker.client.deleteChat({ chatId: deleted ?? "" });
    await worker.stop();
    const marks = watches.map(({ mark }) => mark);
    await own.start();
    const [ended, ...told] = watches;
    for (const [index, watch] of told.entries())
      await watch.event("chatUpdate", () => true, marks[index + 1]);
    await until(() => ended?.ended, { what: "the end of the stream of the chat that was deleted" });
    expect(ended?.ended).toMatchObject({ code: Code.NotFound });
    for (const [index, watch] of told.entries())
      expect(watch.events.slice(marks[index + 1]).map((event) => event.case)).toEqual(["chatUpdate"]);
  });

  it("before the replicas start: they start all the same, and find each other when it comes", async () => {
    await using own = await startNats();
    await own.kill();
    await using pair = await startPair(own);
    const { worker, other } = pair;
    const script = await providers.script([text("hello")], [text("hello again")]);
    const chatId = await newChat(worker.client, `openai-chat/${script.model}`, "go");
    await worker.watch(chatId).status(ChatStatus.WAITING);
    // Nobody hears of this one until there is a bus.
    await other.client.sendMessage({ chatId, parts: says("again") });
    await own.start();
    const watch = worker.watch(chatId);
    await watch.until("the second answer", () => (watch.messages().length === 4 ? true : undefined));
  });
});

it("replicas without NATS find what the others do by looking, every PALAVER_POLL (BUS-5)", async () => {
  await using worker = await startTestReplica({ providers, env: silent });
  const env = {
    DATABASE_URL: worker.env["DATABASE_URL"] ?? "",
    PALAVER_CONCURRENT_TURNS: "0",
    PALAVER_POLL: "100ms",
  };
  await using other = await startTestReplica({ providers, env });
  const script = await providers.script([text("hello")]);
  const chatId = await newChat(worker.client, `openai-chat/${script.model}`);
  const watch = other.watch(chatId);
  await watch.event("caughtUp");
  const { mark } = watch;
  await worker.client.sendMessage({ chatId, parts: says("go") });
  await watch.until("the answer", () => (watch.messages().length === 2 ? true : undefined));
  await watch.status(ChatStatus.WAITING, mark);
  expect(watch.messages().map(textOf)).toEqual(["go", "hello"]);
  await worker.client.deleteChat({ chatId });
  await until(() => watch.ended, { what: "the end of the stream" });
  expect(watch.ended).toMatchObject({ code: Code.NotFound });
});
