import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { type Database, openPostgres, readChatView } from "../../src/store/index.js";
import { startServerProcess } from "../kit/palaver-process.js";
import { createTestDatabase } from "../kit/postgres.js";
import {
  gate,
  type ProviderServer,
  reasoning,
  startProviderServer,
  text,
} from "../kit/provider-server/index.js";
import { newChat, providerEnv, says } from "../kit/replica.js";
import { until } from "../kit/until.js";
import { joinDeltas, textOf, Watch } from "../kit/watch.js";

let provider: ProviderServer;
beforeAll(async () => {
  provider = await startProviderServer();
});
afterAll(() => provider[Symbol.asyncDispose]());

/** A database that outlives servers, and the environment that leads to it: with a lease that is over soon after a crash. */
async function openData(): Promise<{ database: Database; env: Record<string, string> } & AsyncDisposable> {
  const { url, drop } = await createTestDatabase();
  const database = openPostgres({ url, poolSize: 1 });
  const lease = {
    PALAVER_LEASE: "2s",
    PALAVER_HEARTBEAT: "500ms",
    PALAVER_POLL: "200ms",
    PALAVER_DRAIN_GRACE: "0s",
  };
  return {
    database,
    env: { HOME: tmpdir(), DATABASE_URL: url, ...lease, ...providerEnv(provider) },
    [Symbol.asyncDispose]: async () => {
      await database.close();
      await drop();
    },
  };
}

/** Serves clients and runs no turns: what it shows of a dead server's chat is what that has left. */
const servesOnly = { PALAVER_CONCURRENT_TURNS: "0" };

/** What is stored of the running step, joined by blocks as clients do it. */
async function checkpointOf(
  database: Database,
  chatId: string,
): Promise<{ shown: string[]; lastSeq: number }> {
  const everything = { sinceVersion: 0, afterMessageId: 0, resetSinceVersion: 0, withCheckpoint: true };
  const { checkpoint = [] } = (await readChatView(database, chatId, undefined, everything)) ?? {};
  return {
    shown: joinDeltas(checkpoint),
    lastSeq: checkpoint.at(-1)?.seq ?? 0,
  };
}

async function livingReplicas(database: Database): Promise<number> {
  const living = {
    name: "test_living_replicas",
    text: "select count(*) as living from replicas where heartbeat_at > clock_timestamp() - interval '2 seconds'",
  };
  const [row] = await database.query<{ living: number }>(living);
  return row?.living ?? 0;
}

/** The deltas that a watcher has got, joined. */
function shownTo(watch: Watch): { shown: string[]; lastSeq: number } {
  const deltas = watch.events.flatMap((event) => (event.case === "messagePart" ? [event.value] : []));
  return { shown: joinDeltas(deltas), lastSeq: Number(deltas.at(-1)?.seq ?? 0) };
}

describe("a server that is killed in the middle of a step", { timeout: 90_000 }, () => {
  it("leaves what it has shown, and an interrupt before anybody takes over commits exactly that (INT-2, OWN-7)", async () => {
    await using data = await openData();
    const script = await provider.script(
      [reasoning("hm, let me see", { chunk: 3 }), text("half an answer 🙂", { chunk: 2 }), gate("never")],
      [text("to the second")],
    );
    await using first = await startServerProcess(data.env);
    const chatId = await newChat(first.client, `anthropic/${script.model}`, "one");
    await using watch = new Watch(first.client, { chatId });
    await script.reached("never");
    const before = await until(
      () => {
        const { shown, lastSeq } = shownTo(watch);
        return shown[1] === "text: half an answer 🙂" && { shown, lastSeq };
      },
      { what: "all of the half answer" },
    );
    await until(async () => (await checkpointOf(data.database, chatId)).lastSeq === before.lastSeq, {
      what: "its checkpoint",
    });
    await first.kill("SIGKILL");
    expect(await checkpointOf(data.database, chatId)).toEqual(before);

    await until(async () => (await livingReplicas(data.database)) === 0, { what: "the end of the lease" });
    await using second = await startServerProcess({ ...data.env, ...servesOnly });
    // Whoever comes now sees what others had seen, until somebody takes over or interrupts.
    await using after = new Watch(second.client, { chatId });
    await after.event("caughtUp");
    expect(shownTo(after)).toEqual(before);
    await second.client.interruptChat({ chatId });
    await after.status(ChatStatus.WAITING);
    const partial = after.messages().at(-1);
    expect(partial).toMatchObject({ interrupted: true, model: `anthropic/${script.model}` });
    expect(
      partial?.parts.map(({ kind }) => [kind.case, "text" in (kind.value ?? {}) && kind.value]),
    ).toMatchObject([
      ["reasoning", { text: "hm, let me see" }],
      ["text", { text: "half an answer 🙂" }],
    ]);
    expect((await second.client.getChat({ chatId })).chat?.status).toBe(ChatStatus.WAITING);
    expect(await checkpointOf(data.database, chatId)).toEqual({ shown: [], lastSeq: 0 });

    // What was committed so is well formed for the next prompt.
    await second.kill("SIGTERM");
    await using third = await startServerProcess(data.env);
    await using next = new Watch(third.client, { chatId });
    await next.event("caughtUp");
    const { mark } = next;
    await third.client.sendMessage({ chatId, parts: says("two") });
    await next.status(ChatStatus.WAITING, mark);
    expect(next.messages().map(textOf)).toEqual(["one", "half an answer 🙂", "two", "to the second"]);
  });

  it("loses the chat to another one, which drops what was shown when it begins anew (OWN-3)", async () => {
    await using data = await openData();
    const script = await provider.script(
      [text("half"), gate("never")],
      [gate("begun"), text("the whole answer")],
    );
    await using first = await startServerProcess(data.env);
    const chatId = await newChat(first.client, `openai-chat/${script.model}`, "one");
    await until(async () => (await checkpointOf(data.database, chatId)).shown[0] === "text: half", {
      what: "the checkpoint",
    });
    await first.kill("SIGKILL");
    await using second = await startServerProcess(data.env);
    await script.reached("begun");
    expect(await checkpointOf(data.database, chatId)).toEqual({ shown: [], lastSeq: 0 });
    await script.open("begun");
    await using watch = new Watch(second.client, { chatId });
    await watch.status(ChatStatus.WAITING);
    expect(watch.messages().map(textOf)).toEqual(["one", "the whole answer"]);
  });

  it("unlike one that is stopped, which leaves all that it has shown, however long the interval", async () => {
    await using data = await openData();
    const script = await provider.script([text("half an answer", { chunk: 3 }), gate("never")]);
    await using first = await startServerProcess({ ...data.env, PALAVER_CHECKPOINT_INTERVAL: "1h" });
    const chatId = await newChat(first.client, `openai-chat/${script.model}`, "one");
    await using watch = new Watch(first.client, { chatId });
    const before = await until(
      () => {
        const { shown, lastSeq } = shownTo(watch);
        return shown[0] === "text: half an answer" && { shown, lastSeq };
      },
      { what: "all of the half answer" },
    );
    expect(await checkpointOf(data.database, chatId)).toEqual({ shown: [], lastSeq: 0 });
    expect(await first.kill("SIGTERM")).toBe(0);
    expect(await checkpointOf(data.database, chatId)).toEqual(before);
  });
});
