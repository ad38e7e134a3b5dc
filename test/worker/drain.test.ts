import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { type Logger, silentLogger } from "../../src/platform/index.js";
import { openPostgres } from "../../src/store/index.js";
import { defineTool } from "../../src/tools/index.js";
import { engines } from "../kit/databases.js";
import {
  gate,
  httpError,
  type ProviderServer,
  startProviderServer,
  text,
  toolCall,
} from "../kit/provider-server/index.js";
import {
  newChat,
  says,
  startTestReplica,
  type TestReplica,
  type TestReplicaOptions,
} from "../kit/replica.js";
import { until } from "../kit/until.js";
import { textOf } from "../kit/watch.js";

let server: ProviderServer;
beforeAll(async () => {
  server = await startProviderServer();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Longer than any test: what ends before has not ended because of it. */
const long = { PALAVER_DRAIN_GRACE: "10m", PALAVER_SHUTDOWN_GRACE: "20m" };
const longMs = 20 * 60 * 1_000;

/** What the worker of a replica said of its end. */
interface Drained {
  readonly finished: number;
  readonly released: number;
  readonly cut: number;
  readonly lost: number;
}

interface Draining extends TestReplica {
  /** After the stop. */
  drained(): Drained;
}

async function startReplica(options: TestReplicaOptions = {}): Promise<Draining> {
  const said: unknown[] = [];
  const logger: Logger = {
    ...silentLogger,
    debug: () => undefined,
    warn: () => undefined,
    error: () => undefined,
    info: (fields: unknown) => void said.push(fields),
    child: () => logger,
  };
  const replica = await startTestReplica({ providers: server, ...options, logger });
  return {
    ...replica,
    drained: () => {
      const last = said.find(
        (fields) => typeof fields === "object" && fields !== null && "took_ms" in fields,
      );
      const { took_ms: tookMs, ...drained } = last as Drained & { took_ms: number };
      expect(tookMs).toBeGreaterThanOrEqual(0);
      return drained;
    },
  };
}

/** Another replica on the same data. On the embedded database the first one has to be stopped. */
function startNext({ env }: TestReplica, options: TestReplicaOptions = {}): Promise<TestReplica> {
  return startTestReplica({ providers: server, ...options, env });
}

describe.each(engines)("a stop, on %s,", { timeout: 60_000 }, (engine) => {
  it("lets a running step end, and hands the turn over at that boundary", async () => {
    await using first = await startReplica({ engine, env: long });
    const script = await server.script(
      [text("I look."), gate("here"), toolCall("current_time", {})],
      [text("It is late.")],
    );
    const chatId = await newChat(first.client, `anthropic/${script.model}`, "what time is it?");
    const watch = first.watch(chatId);
    await watch.event("messagePart");
    const stopped = first.stop(longMs);
    expect(await watch.end()).toMatchObject({ code: Code.Unavailable });
    await script.open("here");
    await stopped;
    expect(first.drained()).toEqual({ finished: 0, released: 1, cut: 0, lost: 0 });
    expect(await script.ended(0)).toBe("completed");
    expect(await script.requests()).toHaveLength(1);

    await using next = await startNext(first, { engine });
    const after = next.watch(chatId);
    await after.status(ChatStatus.WAITING);
    expect(after.messages().map(textOf)).toEqual(["what time is it?", "I look.", "", "It is late."]);
    expect(await script.requests()).toHaveLength(2);
  });

  it("hands a step that takes longer than the grace over in the middle", async () => {
    await using first = await startReplica({ engine, env: { PALAVER_DRAIN_GRACE: "20ms" } });
    const script = await server.script([text("half an ans"), gate("never")], [text("the whole answer")]);
    const chatId = await newChat(first.client, `anthropic/${script.model}`, "go");
    await first.watch(chatId).event("messagePart");
    await first.stop(longMs);
    expect(await script.ended(0)).toBe("aborted by client");
    expect(first.drained()).toEqual({ finished: 0, released: 0, cut: 1, lost: 0 });

    await using next = await startNext(first, { engine });
    const after = next.watch(chatId);
    await after.status(ChatStatus.WAITING);
    expect(after.messages().map((message) => [textOf(message), message.interrupted])).toEqual([
      ["go", false],
      ["the whole answer", false],
    ]);
  });
});

describe("a stop", () => {
  it("finishes a turn whose last step ends, but does not begin with what waits in its queue", async () => {
    await using first = await startReplica({ env: long });
    const script = await server.script([text("Once"), gate("here"), text(" upon a time")], [text("again")]);
    const chatId = await newChat(first.client, `openai-chat/${script.model}`, "go");
    const only = await server.script([gate("here"), text("done")]);
    const onlyId = await newChat(first.client, `openai-chat/${only.model}`, "go");
    await Promise.all([script.reached("here"), only.reached("here")]);
    await first.client.sendMessage({ chatId, parts: says("and then?") });
    const watch = first.watch(chatId);
    const stopped = first.stop(longMs);
    await watch.end();
    await Promise.all([script.open("here"), only.open("here")]);
    await stopped;
    expect(first.drained()).toEqual({ finished: 1, released: 1, cut: 0, lost: 0 });
    expect(await script.requests()).toHaveLength(1);

    await using next = await startNext(first);
    const [after, onlyAfter] = [next.watch(chatId), next.watch(onlyId)];
    await after.status(ChatStatus.WAITING);
    expect(after.messages().map(textOf)).toEqual(["go", "Once upon a time", "and then?", "again"]);
    await onlyAfter.status(ChatStatus.WAITING);
    expect(onlyAfter.messages().map(textOf)).toEqual(["go", "done"]);
    expect(await only.requests()).toHaveLength(1);
  });

  it("lets running tools end: none is run again, and the next replica goes on from their results", async () => {
    let runs = 0;
    let finish = (): void => undefined;
    const finished = new Promise<string>((resolve) => {
      finish = () => resolve("42");
    });
    let announce = (): void => undefined;
    const running = new Promise<void>((resolve) => {
      announce = resolve;
    });
    const slow = defineTool({
      name: "slow",
      description: "Takes its time",
      input: z.object({}),
      idempotent: false,
      run: () => {
        runs += 1;
        announce();
        return finished;
      },
    });
    await using first = await startReplica({ env: long, tools: [slow] });
    const script = await server.script([toolCall("slow", {})], [text("It is 42.")]);
    const chatId = await newChat(first.client, `openai-chat/${script.model}`, "go");
    await running;
    const watch = first.watch(chatId);
    await watch.event("caughtUp");
    const stopped = first.stop(longMs);
    await watch.end();
    finish();
    await stopped;
    expect(first.drained()).toEqual({ finished: 0, released: 1, cut: 0, lost: 0 });

    await using next = await startNext(first, { tools: [slow] });
    const after = next.watch(chatId);
    await after.status(ChatStatus.WAITING);
    expect(textOf(after.messages().at(-1))).toBe("It is 42.");
    expect(runs).toBe(1);
  });

  it("releases a turn that waits for its next attempt at once, and the wait goes on", async () => {
    await using first = await startReplica({ env: long });
    const script = await server.script([httpError(503, "busy", { headers: { "retry-after": "3600" } })]);
    const chatId = await newChat(first.client, `anthropic/${script.model}`, "go");
    const { retry } = await first.watch(chatId).event("retry");
    await first.stop(longMs);
    expect(first.drained()).toEqual({ finished: 0, released: 1, cut: 0, lost: 0 });

    await using next = await startNext(first);
    const after = next.watch(chatId);
    await after.status(ChatStatus.RUNNING);
    expect((await after.event("retry")).retry).toEqual(retry);
    expect(await script.requests()).toHaveLength(1);
  });

  it("carries an interrupt out that comes meanwhile (INT-2, INT-8)", async () => {
    await using first = await startReplica({ env: long });
    const script = await server.script([text("Once upon"), gate("never")]);
    const chatId = await newChat(first.client, `anthropic/${script.model}`, "go");
    const watch = first.watch(chatId);
    await watch.event("messagePart");
    const stopped = first.stop(longMs);
    await watch.end();
    const { chat } = await first.client.interruptChat({ chatId });
    expect(chat?.status).toBe(ChatStatus.INTERRUPTING);
    await stopped;
    expect(first.drained()).toEqual({ finished: 1, released: 0, cut: 0, lost: 0 });
    expect(await script.ended(0)).toBe("aborted by client");

    await using next = await startNext(first);
    const after = next.watch(chatId);
    await after.event("caughtUp");
    expect(after.messages().map((message) => [textOf(message), message.interrupted])).toEqual([
      ["go", false],
      ["Once upon", true],
    ]);
  });

  it("that takes longer than the lease loses nothing to another replica: it beats until its steps have ended", async () => {
    const env = { ...long, PALAVER_LEASE: "1s", PALAVER_HEARTBEAT: "100ms", PALAVER_POLL: "50ms" };
    await using first = await startReplica({ env });
    const script = await server.script([text("Once"), gate("here"), text(" upon a time")]);
    const chatId = await newChat(first.client, `anthropic/${script.model}`, "go");
    await script.reached("here");
    await using next = await startNext(first);
    await using database = openPostgres({ url: first.env["DATABASE_URL"] ?? "", poolSize: 1 });
    const ownerBeat = {
      name: "test_owner_beat",
      text: `select extract(epoch from r.heartbeat_at)::float8 as seconds from chats c join replicas r on r.id = c.worker_id`,
    };
    const beat = async (): Promise<number> =>
      (await database.query<{ seconds: number }>(ownerBeat))[0]?.seconds ?? 0;
    const before = await beat();
    const watch = first.watch(chatId);
    await watch.event("caughtUp");
    const stopped = first.stop(longMs);
    await watch.end();
    await until(async () => (await beat()) > before + 2, { what: "beats for twice the lease" });
    await script.open("here");
    await stopped;
    expect(first.drained()).toEqual({ finished: 1, released: 0, cut: 0, lost: 0 });
    const after = next.watch(chatId);
    await after.status(ChatStatus.WAITING);
    expect(after.messages().map(textOf)).toEqual(["go", "Once upon a time"]);
    expect(await script.requests()).toHaveLength(1);
  });
});
