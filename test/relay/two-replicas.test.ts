import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { RelayService } from "../../src/gen/palaver/relay/v1/relay_service_pb.js";
import { createMetrics } from "../../src/platform/index.js";
import { type NatsServer, startNats } from "../kit/nats-server.js";
import { freePort } from "../kit/ports.js";
import {
  gate,
  type ProviderServer,
  startProviderServer,
  text,
  toolCall,
} from "../kit/provider-server/index.js";
import { record, shown, viewOf } from "../kit/recording.js";
import { newChat, says } from "../kit/replica.js";
import { type ReplicaPair, startPair } from "../kit/replica-pair.js";
import { until } from "../kit/until.js";
import { textOf, type Watch } from "../kit/watch.js";

let providers: ProviderServer;
let nats: NatsServer;
let pair: ReplicaPair;
let relayPort: number;
const metrics = createMetrics();
const clusterToken = "the-token-of-the-cluster";
beforeAll(async () => {
  [providers, nats] = await Promise.all([startProviderServer(), startNats()]);
  relayPort = await freePort();
  pair = await startPair({
    nats,
    providers,
    env: { PALAVER_CLUSTER_TOKEN: clusterToken },
    otherMetrics: metrics,
    worker: { PALAVER_RELAY_LISTEN: `127.0.0.1:${relayPort}` },
  });
});
afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
  await providers[Symbol.asyncDispose]();
});

/** The fragments of all episodes joined, and each exactly once (STREAM-5). */
function deltasOf(watch: Watch): string {
  let [episode, seq, joined] = ["", 0n, ""];
  for (const { episode: id, firstSeq, seq: last, part } of watch.all("messagePart")) {
    const key = `${id?.historyVersion}.${id?.generationAttempt}`;
    if (key !== episode) [episode, seq] = [key, 0n];
    expect(firstSeq).toBe(seq + 1n);
    seq = last;
    if (part?.kind.case === "text") joined += part.kind.value.text;
  }
  return joined;
}

async function untilDeltas(watch: Watch, expected: string): Promise<void> {
  await watch.until(`the deltas "${expected}"`, () => (deltasOf(watch) === expected ? true : undefined));
}

describe("a chat that one replica runs and another one watches", () => {
  it("shows its fragments as they come", async () => {
    const script = await providers.script([text("One ", { chunk: 1 }), gate("a"), text("two"), gate("b")]);
    const chatId = await newChat(pair.other.client, `openai-chat/${script.model}`);
    const watch = pair.other.watch(chatId);
    await watch.event("caughtUp");
    const { mark } = watch;
    await pair.other.client.sendMessage({ chatId, parts: says("count") });
    await untilDeltas(watch, "One ");
    await script.open("a");
    await untilDeltas(watch, "One two");
    await script.open("b");
    await watch.status(ChatStatus.WAITING, mark);
    expect(watch.messages().map(textOf)).toEqual(["count", "One two"]);
    expect(watch.all("previewReset")).toEqual([]);
  });

  it("gives a late joiner the past of the step, once, and then the rest", async () => {
    const script = await providers.script([
      text("x".repeat(200), { chunk: 1 }),
      gate("joined"),
      text("!"),
      gate("end"),
    ]);
    const chatId = await newChat(pair.worker.client, `openai-chat/${script.model}`, "go");
    await script.reached("joined");
    await untilDeltas(pair.worker.watch(chatId), "x".repeat(200));
    const late = pair.other.watch(chatId);
    await untilDeltas(late, "x".repeat(200));
    await script.open("joined");
    await untilDeltas(late, `${"x".repeat(200)}!`);
    await script.open("end");
    await late.status(ChatStatus.WAITING);
    // One event per token would be 200.
    expect(late.all("messagePart").length).toBeLessThan(50);
  });

  it("goes on from step to step, and through a queue", async () => {
    const script = await providers.script(
      [text("Let me see. "), toolCall("current_time", {})],
      [text("It is late."), gate("queued")],
      [text("Good night.")],
    );
    const chatId = await newChat(pair.other.client, `openai-chat/${script.model}`, "what time is it?");
    const watch = pair.other.watch(chatId);
    await script.reached("queued");
    await pair.other.client.sendMessage({ chatId, parts: says("thanks") });
    await script.open("queued");
    await watch.until("the end", () => (watch.messages().length === 6 ? true : undefined));
    await watch.status(ChatStatus.WAITING);
    const near = pair.worker.watch(chatId);
    await near.event("caughtUp");
    expect(watch.messages()).toEqual(near.messages());
    expect(watch.all("previewReset")).toEqual([]);
  });

  it("is resumed exactly on the other replica in the middle of a step, in either direction", async () => {
    const script = await providers.script([
      text("some words", { chunk: 1 }),
      gate("moved"),
      text(" and more"),
      gate("end"),
    ]);
    const chatId = await newChat(pair.worker.client, `openai-chat/${script.model}`, "go");
    await untilDeltas(pair.worker.watch(chatId), "some words");
    const isWhole = (length: number) => (view: { step?: { parts: readonly unknown[] } | undefined }) =>
      JSON.stringify(view.step?.parts ?? []).includes("some words".slice(0, length));
    const there = await record(pair.worker.client, chatId, { isEnough: isWhole(10) });
    const view = viewOf(there);
    await script.open("moved");
    const here = await record(pair.other.client, chatId, {
      cursor: there.at(-1)?.cursor ?? "",
      view,
      isEnough: ({ step }) => JSON.stringify(step?.parts ?? []).includes("and more"),
    });
    const kinds = here.flatMap(({ events }) => events.map(({ event }) => event.case));
    expect(kinds.filter((kind) => kind === "previewReset" || kind === "message")).toEqual([]);
    const back = await record(pair.worker.client, chatId, {
      cursor: here.at(-1)?.cursor ?? "",
      view: viewOf(here, view),
    });
    const whole = await record(pair.worker.client, chatId, {
      isEnough: ({ step }) => JSON.stringify(step?.parts ?? []).includes("and more"),
    });
    expect(shown(viewOf(back, viewOf(here, view)))).toEqual(shown(viewOf(whole)));
    await script.open("end");
    await pair.other.watch(chatId).status(ChatStatus.WAITING);
  });

  it("INT-2: an interrupt commits at least what was shown, wherever it was shown", async () => {
    const script = await providers.script([text("Once upon a time", { chunk: 2 }), gate("never")]);
    const chatId = await newChat(pair.worker.client, `openai-chat/${script.model}`, "go");
    const far = pair.other.watch(chatId);
    await untilDeltas(far, "Once upon a time");
    await pair.other.client.interruptChat({ chatId });
    await far.status(ChatStatus.WAITING);
    expect(far.messages().map(textOf)).toEqual(["go", "Once upon a time"]);
    expect(far.all("previewReset")).toEqual([]);
  });

  it("is the same chat however its id is written", async () => {
    const script = await providers.script([text("live"), gate("end")]);
    const chatId = await newChat(pair.worker.client, `openai-chat/${script.model}`, "go");
    for (const replica of [pair.worker, pair.other]) {
      const watch = replica.watch(chatId.toUpperCase());
      await untilDeltas(watch, "live");
      const cursor = (await record(replica.client, chatId)).at(-1)?.cursor ?? "";
      await record(replica.client, chatId.toUpperCase(), { cursor });
    }
    await script.open("end");
  });

  it("RELAY-11: is watched by many over one relay, which ends with the last of them", async () => {
    const script = await providers.script([text("a"), gate("some leave"), text("b"), gate("never")]);
    const chatId = await newChat(pair.worker.client, `openai-chat/${script.model}`, "go");
    // Those of the chats before.
    const others = await metric("palaver_relay_watched_chats");
    const stays = pair.other.watch(chatId);
    const leave = Array.from({ length: 9 }, () => pair.other.watch(chatId));
    for (const watch of [stays, ...leave]) await untilDeltas(watch, "a");
    await untilMetrics({ palaver_relay_watched_chats: others + 1, palaver_relay_connected: 1 });
    for (const watch of leave) await watch[Symbol.asyncDispose]();
    await script.open("some leave");
    await untilDeltas(stays, "ab");
    await untilMetrics({ palaver_relay_watched_chats: others + 1, palaver_relay_connected: 1 });
    await stays[Symbol.asyncDispose]();
    await untilMetrics({ palaver_relay_watched_chats: others, palaver_relay_connected: 0 });
    await pair.other.client.interruptChat({ chatId });
  });
});

async function metric(name: string): Promise<number> {
  const line = new RegExp(`^${name} (.+)$`, "m").exec(await metrics.text());
  return Number(line?.[1]);
}

async function untilMetrics(expected: Readonly<Record<string, number>>): Promise<void> {
  await until(
    async () => {
      for (const [name, value] of Object.entries(expected)) expect(await metric(name)).toBe(value);
      return true;
    },
    { what: JSON.stringify(expected) },
  );
}

describe("the relay's listener", () => {
  async function call(credential: string | undefined, workerId?: string): Promise<ConnectError | "accepted"> {
    const client = createClient(
      RelayService,
      createGrpcTransport({ baseUrl: `http://127.0.0.1:${relayPort}` }),
    );
    const headers = credential === undefined ? undefined : { authorization: `Bearer ${credential}` };
    const request = { chatId: crypto.randomUUID(), workerId: workerId ?? pair.worker.id };
    try {
      for await (const _ of client.streamDeltas(request, { ...(headers && { headers }) })) return "accepted";
    } catch (error) {
      return ConnectError.from(error);
    }
    throw new Error("the stream ended without a response");
  }

  it("RELAY-2: takes the cluster's token, and nothing else", async () => {
    expect(await call(clusterToken)).toBe("accepted");
    expect(await call(undefined)).toMatchObject({ code: Code.Unauthenticated });
    expect(await call("plv_somebody")).toMatchObject({ code: Code.Unauthenticated });
  });

  it("RELAY-1: refuses to speak for another replica", async () => {
    expect(await call(clusterToken, crypto.randomUUID())).toMatchObject({ code: Code.FailedPrecondition });
  });

  it("is not where clients call, and clients' listener does not relay", async () => {
    const client = createClient(RelayService, createGrpcTransport({ baseUrl: pair.worker.url }));
    const request = { chatId: crypto.randomUUID(), workerId: crypto.randomUUID() };
    const responses = client.streamDeltas(request)[Symbol.asyncIterator]();
    await expect(responses.next()).rejects.toMatchObject({ code: Code.Unimplemented });
  });
});
