import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { systemClock } from "../../src/platform/index.js";
import { startTestCluster, type TestCluster } from "../kit/cluster.js";
import { listHistory } from "../kit/imports.js";
import { startPostgres } from "../kit/postgres.js";
import {
  gate,
  type ProviderServer,
  type ScriptedModelHandle,
  startProviderServer,
  text,
} from "../kit/provider-server/index.js";
import { newChat, says } from "../kit/replica.js";
import { until } from "../kit/until.js";
import { textOf, type Watch } from "../kit/watch.js";

/** How long NATS is away; `CLUSTER_NATS_OUTAGE_SECONDS=30` for a long look. */
const natsOutageMs = Number(process.env["CLUSTER_NATS_OUTAGE_SECONDS"] ?? 3) * 1_000;

let providers: ProviderServer;
beforeAll(async () => {
  providers = await startProviderServer();
});
afterAll(() => providers[Symbol.asyncDispose]());

async function lengthIs(watch: Watch, length: number): Promise<void> {
  await watch.until(
    `${length} messages`,
    () => (watch.messages().length >= length ? true : undefined),
    30_000,
  );
}

it("NATS is down: turns go on and end, and who was told nothing catches up as soon as it is back (BUS-5, BUS-6)", {
  timeout: 90_000 + natsOutageMs,
}, async () => {
  // So that nothing but the bus can have told.
  await using cluster = await startTestCluster({ providers, env: { PALAVER_POLL: "10m" } });
  const { nats } = cluster;
  const amid = await providers.script([text("first"), gate("here"), text(" and last")], [text("more")]);
  const chatId = await newChat(cluster.replica(0).client, `openai-chat/${amid.model}`, "one");
  await amid.reached("here");
  const owner = await cluster.ownedBy(chatId);
  const others = cluster.others(owner);
  const quiet = await providers.script([text("a whole turn")]);
  const quietId = await newChat(owner.client, `openai-chat/${quiet.model}`);
  const near = { amid: owner.watch(chatId), quiet: owner.watch(quietId) };
  const far = others.map((other) => ({ amid: other.watch(chatId), quiet: other.watch(quietId) }));
  for (const watches of [near, ...far]) {
    await watches.amid.status(ChatStatus.RUNNING);
    await watches.quiet.event("caughtUp");
  }
  // What one does the others are told.
  const rename = (title: string) => ({ chat: { id: quietId, title }, updateMask: { paths: ["title"] } });
  await owner.client.updateChat(rename("told"));
  for (const { quiet: watch } of far) await watch.event("chatUpdate", ({ chat }) => chat?.title === "told");

  await nats.kill();
  await owner.client.sendMessage({ chatId: quietId, parts: says("go") });
  await lengthIs(near.quiet, 2);
  await amid.open("here");
  await lengthIs(near.amid, 2);
  await owner.client.sendMessage({ chatId, parts: says("two") });
  await lengthIs(near.amid, 4);
  await systemClock.sleep(natsOutageMs);
  // Of the other chat they may have heard over the link on which they get its fragments.
  for (const { quiet: watch } of far) expect(watch.messages()).toEqual([]);

  await nats.start();
  const backMs = systemClock.monotonicMs();
  for (const watches of far) {
    await lengthIs(watches.quiet, 2);
    await lengthIs(watches.amid, 4);
    expect(watches.quiet.messages().map(textOf)).toEqual(["go", "a whole turn"]);
    expect(watches.amid.messages().map(textOf)).toEqual(["one", "first and last", "two", "more"]);
  }
  const tookMs = Math.round(systemClock.monotonicMs() - backMs);
  console.log(`caught up ${tookMs} ms after NATS was back from ${natsOutageMs} ms`);
  for (const { client } of others.slice(1)) await client.updateChat(rename("as before"));
  await near.quiet.event("chatUpdate", ({ chat }) => chat?.title === "as before");
});

describe("the database", { timeout: 120_000 }, () => {
  interface Load {
    readonly chatId: string;
    readonly script: ScriptedModelHandle;
  }

  /** Turns that stand in the middle of their first step, on all replicas. */
  async function startTurns(cluster: TestCluster, count: number): Promise<Load[]> {
    return Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const attempt = [text("the "), gate("here"), text("answer")];
        const script = await providers.script(attempt, attempt, attempt, attempt, [text("last")]);
        const replica = cluster.replica(index % cluster.replicas.length);
        const chatId = await newChat(replica.client, `openai-chat/${script.model}`, "go");
        await script.reached("here");
        return { chatId, script };
      }),
    );
  }

  /** All turns end, each with one answer, and everybody can go on. */
  async function expectAllAnswered(cluster: TestCluster, load: readonly Load[]): Promise<void> {
    for (const [index, { chatId }] of load.entries()) {
      const { client } = cluster.replica(index % cluster.replicas.length);
      await until(async () => (await client.getChat({ chatId })).chat?.status === ChatStatus.WAITING, {
        what: "the chat to be idle",
        deadlineMs: 40_000,
      });
      expect((await listHistory(client, chatId)).map(textOf)).toEqual(["go", "the answer"]);
    }
    const script = await providers.script([text("hello")]);
    for (const { client } of cluster.replicas) {
      const chatId = await newChat(client, `openai-chat/${script.model}`);
      await until(async () => (await client.getChat({ chatId })).chat?.status === ChatStatus.WAITING, {
        what: "a new chat",
      });
    }
  }

  it("crashes and recovers in the middle of turns: they end, each with one answer", async () => {
    await using postgres = await startPostgres();
    const admin = new pg.Client({ connectionString: postgres.url });
    await admin.connect();
    // The kit's servers may forget their last commits in a crash; what this one acknowledges it has to keep.
    await admin.query("alter database postgres set synchronous_commit = on");
    await using cluster = await startTestCluster({ providers, databaseUrl: postgres.url });
    const load = await startTurns(cluster, 12);
    const { rows } = await admin.query<{ pid: number }>("select pg_backend_pid() as pid");
    const lost = new Promise((resolve) => admin.once("error", resolve));
    // One server process that dies may have left shared memory in disorder: Postgres ends all of them, and recovers.
    for (const { pid } of rows) process.kill(pid, "SIGKILL");
    await lost;
    for (const { script } of load) await script.open("here");
    await expectAllAnswered(cluster, load);
  });

  it("cannot be reached for longer than the lease: turns begin again and end, and nothing is stuck", async () => {
    await using cluster = await startTestCluster({ providers });
    const load = await startTurns(cluster, 12);
    const links = cluster.replicas.map((replica) => replica.links.store);
    const cut = links.map((link) => link.sever());
    for (const connections of cut) expect(connections).toBeGreaterThan(0);
    // Whoever cannot beat gives its turns up before the lease is over.
    for (const { script } of load) expect(await script.ended(0)).toBe("aborted by client");
    for (const link of links) expect(link.journal.count("refused")).toBeGreaterThan(0);
    for (const link of links) link.mend();
    for (const { script } of load) await script.open("here");
    await expectAllAnswered(cluster, load);
  });
});
