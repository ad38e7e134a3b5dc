import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { loadConfig } from "../../src/config/index.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { createMetrics, silentLogger, systemClock } from "../../src/platform/index.js";
import { startReplica } from "../../src/replica.js";
import { startMetricsServer } from "../../src/server/metrics-server.js";
import { defineTool } from "../../src/tools/index.js";
import { engines } from "../kit/databases.js";
import { type NatsServer, startNats } from "../kit/nats-server.js";
import {
  gate,
  httpError,
  type ProviderServer,
  startProviderServer,
  text,
  toolCall,
} from "../kit/provider-server/index.js";
import { newChat, says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { openReplicaData } from "../kit/replica-data.js";
import { Scrape } from "../kit/scrape.js";
import { until } from "../kit/until.js";

const served = { PALAVER_METRICS_LISTEN: "127.0.0.1:0" };
const chatService = "palaver.chat.v1.ChatService";

/** What every text, name and key of these tests contains. */
const canary = "c4n4ry";

const echo = defineTool({
  name: "echo",
  description: "Says it again",
  input: z.object({ said: z.string() }),
  idempotent: true,
  run: ({ said }) => Promise.resolve(said),
});

let providers: ProviderServer;
let nats: NatsServer;
beforeAll(async () => {
  [providers, nats] = await Promise.all([startProviderServer(), startNats()]);
});
afterAll(async () => {
  await nats[Symbol.asyncDispose]();
  await providers[Symbol.asyncDispose]();
});

/** A turn with a tool, one that fails, one that is interrupted, and calls that are refused. Returns the chat, which is idle. */
async function live(replica: TestReplica): Promise<string> {
  const { client, url } = replica;
  const script = await providers.script(
    [gate("call"), toolCall("echo", { said: canary })],
    [text(`An answer, ${canary}.`)],
    [gate("fail"), httpError(400, `Not with ${canary}.`)],
    [text("Half"), gate("half")],
  );
  const chatId = await newChat(client, `openai-chat/${script.model}`);
  const watch = replica.watch(chatId);
  await watch.event("caughtUp");
  /** `act` leads to its end: nobody has to be shown that it runs when it is over. */
  const turn = async (ends: ChatStatus, act: () => Promise<unknown>): Promise<void> => {
    const { mark } = watch;
    await client.sendMessage({ chatId, parts: says(`Go, ${canary}`) });
    await watch.status(ChatStatus.RUNNING, mark);
    await act();
    await watch.status(ends, mark);
  };
  await turn(ChatStatus.WAITING, () => script.open("call"));
  await turn(ChatStatus.ERROR, () => script.open("fail"));
  await turn(ChatStatus.WAITING, async () => {
    await script.reached("half");
    await client.interruptChat({ chatId });
  });

  await expect(client.getChat({ chatId: randomUUID() })).rejects.toThrow();
  const init = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
  expect((await fetch(`${url}/palaver.${canary}.Service/Method`, init)).status).toBe(404);
  return chatId;
}

/** The words that are counted only after a turn's last status was seen, and after a call's answer was: not at once. */
async function settled(replica: TestReplica, counted: (scrape: Scrape) => boolean): Promise<Scrape> {
  return until(
    async () => {
      const scrape = await Scrape.of(replica.metricsUrl);
      return counted(scrape) ? scrape : undefined;
    },
    { what: "the metrics to tell of what was done" },
  );
}

describe.each(engines)("metrics of a replica on %s", (engine) => {
  let replica: TestReplica;
  let chatId: string;
  let scrape: Scrape;
  beforeAll(async () => {
    const env = { ...served, OPENAI_API_KEY: `sk-${canary}` };
    replica = await startTestReplica({ engine, providers, tools: [echo], env });
    chatId = await live(replica);
    scrape = await settled(
      replica,
      (now) =>
        now.value("palaver_turns_ended_total") === 3 &&
        now.value("palaver_calls_total", { method: "unknown" }) === 1 &&
        now.value("palaver_call_errors_total", { reason: "CHAT_NOT_FOUND" }) === 1,
    );
  });
  afterAll(() => replica[Symbol.asyncDispose]());

  it("tell of the turns that were acquired and how they ended", () => {
    expect(scrape.value("palaver_turns_acquired_total", { from: "new" })).toBe(3);
    expect(scrape.value("palaver_turns_acquired_total", { from: "taken_over" })).toBe(0);
    expect(scrape.value("palaver_turns_ended_total", { end: "idle" })).toBe(3);
    expect(scrape.value("palaver_turns_ended_total")).toBe(3);
    expect(scrape.value("palaver_turns_running")).toBe(0);
    expect(scrape.value("palaver_turns_waiting")).toBe(0);
    expect(scrape.value("palaver_turns_capacity")).toBe(loadConfig(replica.env).concurrentTurns);
  });

  it("tell how long work waited, and since when the replica has not said that it lives", () => {
    expect(scrape.value("palaver_turn_wait_seconds_count")).toBe(3);
    // Whoever was called had a place each time.
    expect(scrape.value("palaver_turn_wait_seconds_sum")).toBe(0);
    const age = scrape.value("palaver_heartbeat_age_seconds") ?? -1;
    expect(age).toBeGreaterThan(0);
    expect(age).toBeLessThan(60);
  });

  it("tell what became of each attempt at a step", () => {
    const steps = (kind: string, outcome: string): number | undefined =>
      scrape.value("palaver_steps_total", { kind, outcome });
    expect(steps("model", "committed")).toBe(2);
    expect(steps("tools", "committed")).toBe(1);
    expect(steps("model", "failed")).toBe(1);
    expect(steps("model", "interrupted")).toBe(1);
    expect(scrape.value("palaver_steps_total")).toBe(5);
    expect(scrape.value("palaver_step_errors_total")).toBe(1);
    expect(scrape.value("palaver_step_duration_seconds_count", { kind: "model" })).toBe(2);
  });

  it("tell of calls by method, wire and code, and of streams that are open", () => {
    const calls = (labels: Record<string, string>): number | undefined =>
      scrape.value("palaver_calls_total", labels);
    expect(calls({ method: `${chatService}/SendMessage`, wire: "grpc", code: "OK" })).toBe(3);
    expect(calls({ method: `${chatService}/GetChat`, wire: "grpc", code: "NotFound" })).toBe(1);
    expect(calls({ method: "unknown", wire: "connect", code: "Unimplemented" })).toBe(1);
    expect(scrape.value("palaver_call_errors_total", { method: `${chatService}/GetChat` })).toBe(1);
    const durations = { method: `${chatService}/SendMessage` };
    expect(scrape.value("palaver_call_duration_seconds_count", durations)).toBe(3);
    expect(scrape.value("palaver_streams_open", { method: `${chatService}/Subscribe` })).toBe(1);
    expect(scrape.value("palaver_streams_open", { method: `${chatService}/WatchChats` })).toBe(0);
  });

  it("tell nothing of what was said, by whom and where, with which key and model", () => {
    expect(scrape.text).not.toContain(canary);
    expect(scrape.text).not.toContain(chatId);
    expect(scrape.text).not.toContain("openai-chat");
    expect(scrape.text).toContain("process_resident_memory_bytes");
  });
});

describe("the end of a replica, as metrics tell it", () => {
  it("a replica that drains is still seen, until nothing is left of it", async () => {
    const env = { ...served, PALAVER_DRAIN_GRACE: "20s" };
    await using replica = await startTestReplica({ providers, env });
    const script = await providers.script([text("Half"), gate("half"), text(" and whole")]);
    await newChat(replica.client, `openai-chat/${script.model}`, "Go");
    await script.reached("half");
    const stopping = replica.stop(40_000);
    await until(async () => !(await fetch(`${replica.url}/healthz`)).ok, { what: "the replica to drain" });
    expect((await Scrape.of(replica.metricsUrl)).value("palaver_turns_running")).toBe(1);
    await script.open("half");
    await stopping;
    await expect(fetch(replica.metricsUrl ?? "")).rejects.toThrow("fetch failed");
  });

  it("a turn that is handed over in the middle counts here as cut, and elsewhere as new", async () => {
    const metrics = createMetrics();
    await using replica = await startTestReplica({ providers, metrics });
    const script = await providers.script([text("Half"), gate("half")], [text("Whole")]);
    await newChat(replica.client, `openai-chat/${script.model}`, "Go");
    await script.reached("half");
    await replica.stop();
    const left = new Scrape(await metrics.text());
    expect(left.value("palaver_turns_acquired_total", { from: "new" })).toBe(1);
    expect(left.value("palaver_turns_ended_total", { end: "cut" })).toBe(1);
    expect(left.value("palaver_steps_total", { outcome: "handed_over" })).toBe(1);
    expect(left.value("palaver_turns_running")).toBe(0);

    await using next = await startTestReplica({
      providers,
      env: { ...served, DATABASE_URL: replica.env["DATABASE_URL"] ?? "" },
    });
    const done = await settled(next, (now) => now.value("palaver_turns_ended_total", { end: "idle" }) === 1);
    expect(done.value("palaver_turns_acquired_total", { from: "new" })).toBe(1);
    // Somebody had begun to work on it: it did not wait all the time.
    expect(done.value("palaver_turn_wait_seconds_count")).toBe(0);
  });

  it("a step whose history was edited meanwhile counts as discarded", async () => {
    await using replica = await startTestReplica({ providers, env: served });
    const script = await providers.script([text("Half"), gate("half")], [text("Whole")]);
    const chatId = await newChat(replica.client, `openai-chat/${script.model}`, "Go");
    await script.reached("half");
    await replica.client.editMessage({ chatId, messageId: 1n, parts: says("Go on") });
    const scrape = await settled(
      replica,
      (now) => now.value("palaver_turns_ended_total", { end: "idle" }) === 1,
    );
    expect(scrape.value("palaver_turns_ended_total", { end: "lost" })).toBe(1);
    expect(scrape.value("palaver_steps_total", { kind: "model", outcome: "discarded" })).toBe(1);
    expect(scrape.value("palaver_steps_total")).toBe(2);
    expect(scrape.value("palaver_step_duration_seconds_count", { kind: "model" })).toBe(1);
  });

  it("a chat whose owner gives no sign of life counts as taken over", async () => {
    await using idle = await startTestReplica({ providers, env: { PALAVER_CONCURRENT_TURNS: "0" } });
    await using database = await openReplicaData(idle);
    const script = await providers.script([text("Whole")]);
    const chatId = await newChat(idle.client, `openai-chat/${script.model}`, "Go");
    await database.execute(
      { name: "test.orphan", text: "update chats set worker_id = $2, lease_epoch = 7 where id = $1" },
      [chatId, randomUUID()],
    );
    await using replica = await startTestReplica({
      providers,
      env: { ...served, DATABASE_URL: idle.env["DATABASE_URL"] ?? "" },
    });
    const scrape = await settled(
      replica,
      (now) => now.value("palaver_turns_ended_total", { end: "idle" }) === 1,
    );
    expect(scrape.value("palaver_turns_acquired_total", { from: "taken_over" })).toBe(1);
    expect(scrape.value("palaver_turns_acquired_total", { from: "new" })).toBe(0);
    expect(scrape.value("palaver_turn_wait_seconds_count")).toBe(0);
  });
});

describe("the document of metrics", () => {
  /** name → type and labels, as docs/metrics.md has them. */
  const documented = new Map(
    [
      ...readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8").matchAll(
        /^\| `(palaver_\w+)` \| (\w+) \| ([\w, ]*)\| /gm,
      ),
    ].map(([, name = "", type, labels = ""]) => [
      name,
      { type, labels: labels.split(",").flatMap((label) => label.trim() || []) },
    ]),
  );

  it("lists exactly what a replica among others serves, with its types and labels", async () => {
    const env = { ...served, NATS_URL: nats.url };
    await using replica = await startTestReplica({ providers, tools: [echo], env });
    await live(replica);
    const scrape = await settled(
      replica,
      (now) =>
        now.value("palaver_turns_ended_total") === 3 &&
        now.value("palaver_call_errors_total") === 2 &&
        (now.value("palaver_bus_published_total") ?? 0) > 5,
    );
    const ours = [...scrape.types].filter(([name]) => name.startsWith("palaver_"));
    expect(
      new Map(
        ours.map(([name, type]) => [name, { type, labels: [...(scrape.labelsOf(name) ?? ["(no value)"])] }]),
      ),
    ).toEqual(documented);
    expect(documented.size).toBeGreaterThan(20);

    expect(scrape.value("palaver_bus_connected")).toBe(1);
    expect(scrape.value("palaver_bus_connections_total")).toBe(1);
    expect(scrape.value("palaver_bus_dropped_total")).toBe(0);
    expect(scrape.value("palaver_bus_waiting")).toBeLessThan(10);
  });

  it("is right that a lost connection to NATS shows, with what waits, and that the next one counts", async () => {
    await using server = await startNats();
    const env = { ...served, NATS_URL: server.url };
    await using replica = await startTestReplica({ providers, env });
    await server.kill();
    await settled(replica, (now) => now.value("palaver_bus_connected") === 0);
    await newChat(replica.client, "scripted/default");
    await settled(replica, (now) => now.value("palaver_bus_waiting") === 1);
    await server.start();
    const back = await settled(replica, (now) => now.value("palaver_bus_waiting") === 0);
    expect(back.value("palaver_bus_connected")).toBe(1);
    expect(back.value("palaver_bus_connections_total")).toBe(2);
  });

  it("is right that nothing is served by default", async () => {
    await using replica = await startTestReplica();
    expect(replica.metricsUrl).toBeUndefined();
  });
});

describe("the server of metrics", () => {
  const start = (read: () => Promise<string> = () => Promise.resolve("all_is_well 1\n")) =>
    startMetricsServer({
      host: "127.0.0.1",
      port: 0,
      metrics: { contentType: "text/plain; version=0.0.4; charset=utf-8", text: read },
      clock: systemClock,
      logger: silentLogger,
    });

  it("answers GET and HEAD on its one path, and says elsewhere where that is", async () => {
    const server = await start();
    try {
      const got = await fetch(server.url);
      expect([got.status, got.headers.get("content-type"), await got.text()]).toEqual([
        200,
        "text/plain; version=0.0.4; charset=utf-8",
        "all_is_well 1\n",
      ]);
      const head = await fetch(`${server.url}?now`, { method: "HEAD" });
      expect([head.status, head.headers.get("content-length")]).toEqual([200, "14"]);
      const posted = await fetch(server.url, { method: "POST", body: "x".repeat(100_000) });
      expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
      for (const path of ["/", "/metrics/", "/healthz"]) {
        const elsewhere = await fetch(new URL(path, server.url));
        expect([elsewhere.status, await elsewhere.text()]).toEqual([
          404,
          expect.stringContaining("/metrics"),
        ]);
      }
    } finally {
      await server.close();
    }
  });

  it("says when metrics cannot be read, without saying why to everybody", async () => {
    const server = await start(() => Promise.reject(new Error(canary)));
    try {
      const response = await fetch(server.url);
      expect(response.status).toBe(500);
      expect(await response.text()).not.toContain(canary);
    } finally {
      await server.close();
    }
  });

  it("closes connections beyond its bound at once, and takes others when those have left", async () => {
    const server = await start();
    const { hostname, port } = new URL(server.url);
    const open = (): Promise<Socket> =>
      new Promise((resolve, reject) => {
        const socket = connectTcp(Number(port), hostname, () => resolve(socket)).on("error", reject);
      });
    const sockets = await Promise.all(Array.from({ length: 32 }, open));
    try {
      const refused = await open();
      await new Promise((resolve) => refused.once("close", resolve).resume());
      for (const socket of sockets) expect(socket.destroyed).toBe(false);
      for (const socket of sockets) socket.destroy();
      await until(async () => (await fetch(server.url)).ok, { what: "room for another connection" });
    } finally {
      for (const socket of sockets) socket.destroy();
      await server.close();
    }
  });

  it("a replica that cannot have the address does not start, and leaves nothing open", async () => {
    const server = await start();
    const { port } = new URL(server.url);
    try {
      await using other = await startTestReplica();
      const config = loadConfig({ ...other.env, PALAVER_METRICS_LISTEN: `127.0.0.1:${port}` });
      await expect(startReplica(config, { logger: silentLogger })).rejects.toMatchObject({
        name: "StartError",
        reason: "PORT_IN_USE",
        message: expect.stringContaining(port),
      });
    } finally {
      await server.close();
    }
  });
});
