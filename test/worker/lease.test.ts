import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runTurn, TurnControl } from "../../src/agent/index.js";
import { Chats } from "../../src/chat/index.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { createModelRegistry } from "../../src/models/index.js";
import { systemClock } from "../../src/platform/index.js";
import { readHistory, writeHeartbeat } from "../../src/store/index.js";
import { engines, openTestDatabase } from "../kit/databases.js";
import {
  gate,
  httpError,
  type ProviderServer,
  startProviderServer,
  text,
} from "../kit/provider-server/index.js";
import { newChat, startTestReplica } from "../kit/replica.js";
import { openTcpGate, type TcpGate } from "../kit/tcp-gate.js";
import { turnDeps } from "../kit/turn-deps.js";
import { textOf } from "../kit/watch.js";

let server: ProviderServer;
beforeAll(async () => {
  server = await startProviderServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const shortLease = { PALAVER_LEASE: "3s", PALAVER_HEARTBEAT: "500ms", PALAVER_POLL: "500ms" };

/** A gate in front of the database that tests use, and the environment that leads through it. */
async function throughGate(url: string): Promise<{ gate: TcpGate; env: Record<string, string> }> {
  const direct = new URL(url);
  const opened = await openTcpGate({ host: direct.hostname, port: Number(direct.port) });
  const via = new URL(url);
  via.port = String(opened.port);
  return { gate: opened, env: { DATABASE_URL: via.href } };
}

describe("a worker whose heartbeat does not get through", { timeout: 60_000 }, () => {
  it("gives its turns up while the beat still hangs, and goes on with them when it beats again", async () => {
    await using replica = await startTestReplica({ providers: server, env: shortLease });
    const script = await server.script([text("first"), gate("never")], [text("second")]);
    const chatId = await newChat(replica.client, `openai-chat/${script.model}`, "go");
    const watch = replica.watch(chatId);
    await script.reached("never");
    const blocker = new pg.Client({ connectionString: replica.env["DATABASE_URL"] });
    await blocker.connect();
    await blocker.query("begin; update replicas set version = version");
    // The beat waits for the row; nothing but the worker's own clock ends the call.
    expect(await script.ended(0)).toBe("aborted by client");
    await blocker.query("commit");
    await blocker.end();
    await watch.status(ChatStatus.WAITING);
    expect(watch.messages().map(textOf)).toEqual(["go", "second"]);
  });

  it("because the database is away, neither fails its turns nor forgets them", async () => {
    await using direct = await startTestReplica({ providers: server });
    await direct.stop();
    const { gate: link, env } = await throughGate(direct.env["DATABASE_URL"] ?? "");
    await using _link = link;
    await using replica = await startTestReplica({ providers: server, env: { ...shortLease, ...env } });
    const generating = await server.script([text("first"), gate("here")], [text("second")]);
    const committing = await server.script([text("first"), gate("here")], [text("second")]);
    const ids = await Promise.all(
      [generating, committing].map(({ model }) => newChat(replica.client, `openai-chat/${model}`, "go")),
    );
    await Promise.all([generating.reached("here"), committing.reached("here")]);
    link.sever();
    await committing.open("here");
    // Longer than the lease, as the worker counts it: it gives up the call.
    expect(await generating.ended(0)).toBe("aborted by client");
    link.mend();
    for (const chatId of ids) {
      const watch = replica.watch(chatId);
      await watch.status(ChatStatus.WAITING);
      expect(watch.messages()).toHaveLength(2);
      expect(["first", "second"]).toContain(textOf(watch.messages()[1]));
    }
  });
});

it("a stop ends within its grace, also while the database is away", { timeout: 60_000 }, async () => {
  await using direct = await startTestReplica({ providers: server });
  await direct.stop();
  const { gate: link, env } = await throughGate(direct.env["DATABASE_URL"] ?? "");
  await using _link = link;
  await using replica = await startTestReplica({ providers: server, env });
  const script = await server.script([text("first"), gate("never")]);
  await newChat(replica.client, `openai-chat/${script.model}`, "go");
  await script.reached("never");
  link.sever();
  // Would wait for the database until the test's deadline.
  await replica.stop();
  expect(await script.ended(0)).toBe("aborted by client");
});

it("a stop ends soon after its grace, also while the database does not answer", {
  timeout: 60_000,
}, async () => {
  await using direct = await startTestReplica({ providers: server });
  await direct.stop();
  const { gate: link, env } = await throughGate(direct.env["DATABASE_URL"] ?? "");
  await using _link = link;
  await using replica = await startTestReplica({ providers: server, env });
  const script = await server.script([text("first"), gate("never")]);
  await newChat(replica.client, `openai-chat/${script.model}`, "go");
  await script.reached("never");
  expect(link.blackHole()).toBeGreaterThan(0);
  const beganMs = systemClock.monotonicMs();
  await replica.stop(1_000);
  // No statement would end by itself within 30 s.
  expect(systemClock.monotonicMs() - beganMs).toBeLessThan(10_000);
  expect(await script.ended(0)).toBe("aborted by client");
});

it("a turn that waits for its next attempt leaves its place to others", async () => {
  await using replica = await startTestReplica({ providers: server, env: { PALAVER_CONCURRENT_TURNS: "1" } });
  const busy = await server.script([httpError(503, "busy", { headers: { "retry-after": "3600" } })]);
  const waiting = await newChat(replica.client, `anthropic/${busy.model}`, "go");
  await replica.watch(waiting).event("retry");
  const script = await server.script([text("here you are")]);
  const watch = replica.watch(await newChat(replica.client, `anthropic/${script.model}`, "go"));
  await watch.status(ChatStatus.WAITING);
  expect(textOf(watch.messages().at(-1))).toBe("here you are");
});

it.each(engines)(
  "on %s an interrupt before a new worker has begun keeps what the one before had shown (INT-2)",
  async (engine) => {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const chats = new Chats({ database, leaseMs: 60_000, publish: () => undefined });
    const workerId = randomUUID();
    const load = { capacity: 1, turns: 0, clockAt: systemClock.now() };
    await writeHeartbeat(database, { id: workerId, advertisedUrl: "", version: "test", ...load });
    const chatId = randomUUID();
    const model = "scripted/default";
    const first = { parts: [{ type: "text" as const, text: "go" }], author: "alice", model };
    await chats.create(
      () => ({ id: chatId, owner: "alice", title: "t", labels: {}, model, system: [], first }),
      () => undefined,
    );

    // A worker generates, stops gracefully, and hands over what it had shown.
    const [before] = await chats.acquire(workerId, 1, []);
    const fence = { workerId, leaseEpoch: before?.state?.leaseEpoch ?? 0 };
    const attempt = { historyVersion: before?.state?.versions.history ?? 0, generationAttempt: 0 };
    await chats.work(chatId, { type: "BeginAttempt", fence, attempt });
    const partial = {
      role: "assistant" as const,
      parts: [{ type: "text" as const, text: "what was shown" }],
    };
    await chats.work(chatId, {
      type: "Checkpoint",
      fence,
      attempt: { ...attempt, generationAttempt: 1 },
      partial,
    });
    await chats.work(chatId, { type: "Release", fence });

    // Another acquires the chat, and the interrupt is faster than its first step.
    const [lease] = await chats.acquire(workerId, 1, []);
    await chats.request({ chatId, owner: "alice" }, { type: "Interrupt" }, () => undefined);
    if (lease?.state === undefined) throw new Error("the chat was acquired");
    const models = createModelRegistry({ defaultModelId: model }, { clock: systemClock });
    const deps = { ...turnDeps(database), chats, models };
    await runTurn(
      deps,
      { chatId, fence: { workerId, leaseEpoch: lease.state.leaseEpoch }, state: lease.state, begun: false },
      new TurnControl(),
    );
    const history = await readHistory(database, chatId);
    expect(history.map(({ role, parts, interrupted }) => ({ role, parts, interrupted }))).toEqual([
      { role: "user", parts: first.parts, interrupted: false },
      { role: "assistant", parts: partial.parts, interrupted: true },
    ]);
  },
);
