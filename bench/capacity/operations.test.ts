import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { type NatsServer, startNats } from "../../test/kit/nats-server.js";
import { createTestDatabase } from "../../test/kit/postgres.js";
import {
  gate,
  type ProviderServer,
  type ProviderStep,
  startProviderServer,
  text,
  toolCall,
} from "../../test/kit/provider-server/index.js";
import { newChat, says, startTestReplica, type TestReplica } from "../../test/kit/replica.js";
import { openStatementTap, type StatementTap } from "../../test/kit/statement-tap.js";
import { until } from "../../test/kit/until.js";
import {
  announcementsOfTurn,
  lookingForWork,
  relayReadsOfTurn,
  type Statements,
  subscriberReadsOfTurn,
  subscribing,
  sum,
  transitionsOfTurn,
  type TurnShape,
  workerReadsOfTurn,
} from "./operations.js";

let providers: ProviderServer;
let nats: NatsServer;
beforeAll(async () => {
  [providers, nats] = await Promise.all([startProviderServer(), startNats()]);
});
afterAll(async () => {
  await nats[Symbol.asyncDispose]();
  await providers[Symbol.asyncDispose]();
});

/** Two replicas, one of which runs all turns and the other one watches, with a tap on each. Nothing happens by itself. */
interface Tapped extends AsyncDisposable {
  readonly worker: TestReplica;
  readonly other: TestReplica;
  readonly ofWorker: StatementTap;
  readonly ofOther: StatementTap;
}

async function startTapped(): Promise<Tapped> {
  const database = await createTestDatabase();
  const [ofWorker, ofOther] = await Promise.all([
    openStatementTap(database.url),
    openStatementTap(database.url),
  ]);
  const quiet = {
    NATS_URL: nats.url,
    PALAVER_POLL: "10m",
    PALAVER_LEASE: "1h",
    PALAVER_HEARTBEAT: "20m",
    PALAVER_CHECKPOINT_INTERVAL: "1m",
  };
  const start = (tap: StatementTap, turns: string): Promise<TestReplica> =>
    startTestReplica({
      providers,
      env: { ...quiet, DATABASE_URL: tap.url, PALAVER_CONCURRENT_TURNS: turns },
    });
  const worker = await start(ofWorker, "10");
  const other = await start(ofOther, "0");
  // While a worker looks for work it takes nothing unasked. It looks when it starts, and once more a second after it listens for news.
  await until(() => hasLookedTwice(ofWorker), { what: "the last look for work" });
  return {
    worker,
    other,
    ofWorker,
    ofOther,
    [Symbol.asyncDispose]: async () => {
      await other[Symbol.asyncDispose]();
      await worker[Symbol.asyncDispose]();
      await ofWorker[Symbol.asyncDispose]();
      await ofOther[Symbol.asyncDispose]();
      await database.drop();
    },
  };
}

function hasLookedTwice(tap: StatementTap): boolean {
  const { lock_runnable_chats: looks = 0, begin = 0, commit = 0 } = tap.counts();
  return looks >= 2 && begin === commit;
}

/** What was sent, but for looks for work that found nothing, whose number is a matter of time, and for what starting and stopping sends. */
function counted(tap: StatementTap): Statements {
  const { delete_replica: _, lock_runnable_chats: thorough = 0, ...named } = tap.counts();
  // However much of a chat is written.
  const counts = sum(...Object.entries(named).map(([name, count]) => ({ [familyOf(name)]: count })));
  // A look for any chat finds what one for those without an owner does.
  const looks = (counts["lock_unowned_chats"] ?? 0) + thorough;
  return Object.fromEntries(
    Object.entries({ ...counts, lock_unowned_chats: looks })
      .map(([name, count]) => [name, count - looks * (lookingForWork[name] ?? 0)] as const)
      .filter(([, count]) => count !== 0),
  );
}

function familyOf(name: string): string {
  return name.startsWith("change_chat") ? "change_chat" : name;
}

/** Whether at least as much was sent as expected. */
function reached(tap: StatementTap, expected: Statements): boolean {
  const counts = counted(tap);
  return Object.entries(expected).every(([name, count]) => (counts[name] ?? 0) >= count);
}

const shapes: { title: string; shape: TurnShape; responses: ProviderStep[][] }[] = [
  {
    title: "an answer",
    shape: { modelSteps: 1, toolSteps: 0, calls: 1 },
    responses: [[gate("begun"), text("yes")]],
  },
  {
    title: "tools and an answer",
    shape: { modelSteps: 2, toolSteps: 1, calls: 2 },
    responses: [[gate("begun"), toolCall("current_time", {}), toolCall("current_time", {})], [text("late")]],
  },
];

describe("a real turn sends what the model counts", () => {
  it.each(shapes)(
    "$title: transitions and reads of the worker, announcements",
    async ({ shape, responses }) => {
      const script = await providers.script(...responses);
      await using tapped = await startTapped();
      const { worker, other, ofWorker } = tapped;
      const said = await sayings();
      const chatId = await newChat(other.client, `openai-chat/${script.model}`);
      await until(async () => isDeepStrictEqual(await said.count(), { chat: 1, owner: 1 }), {
        what: "the announcement of the new chat",
      });
      said.reset();
      ofWorker.reset();

      await worker.client.sendMessage({ chatId, parts: says("when?"), idempotencyKey: "once" });
      // The replica hears of a chat that it runs, and looks once when that holds: not before a turn that is over at once has ended.
      await until(() => reached(ofWorker, { select_chat_heads: 1 }), {
        what: "the look at a running chat",
      });
      await script.open("begun");
      const expected = sum(transitionsOfTurn(shape), workerReadsOfTurn(shape));
      await until(() => reached(ofWorker, expected), { what: "all that a turn sends" }).catch(compareAnyway);
      await worker.stop();

      expect(counted(ofWorker)).toEqual(expected);
      const announcements = announcementsOfTurn(shape);
      expect(await said.count()).toEqual({ chat: announcements, owner: announcements });
    },
  );

  it.each(shapes)("$title: reads of who watches on another replica", async ({ shape, responses }) => {
    const script = await providers.script(...responses);
    await using tapped = await startTapped();
    const { worker, other, ofOther } = tapped;
    const chatId = await newChat(worker.client, `openai-chat/${script.model}`);
    ofOther.reset();
    const watch = other.watch(chatId);
    await watch.event("caughtUp");
    await until(() => reached(ofOther, subscribing), { what: "all that a subscription sends" });
    expect(counted(ofOther)).toEqual(subscribing);
    const said = await sayings();
    ofOther.reset();

    const { mark } = watch;
    await worker.client.sendMessage({ chatId, parts: says("when?") });
    await watch.status(ChatStatus.RUNNING, mark);
    await script.open("begun");
    await watch.status(ChatStatus.WAITING, mark);
    await until(() => reached(ofOther, relayReadsOfTurn), { what: "all that a relay sends" }).catch(
      compareAnyway,
    );
    await other.stop();

    const { select_chat_changes: reads = 0, select_chat_owner: owners = 0, ...others } = counted(ofOther);
    expect(others).toEqual({});
    // What is announced while the owner is read is a reason to read it once more.
    expect(owners).toBeGreaterThanOrEqual(relayReadsOfTurn["select_chat_owner"] ?? 0);
    const { chat: announced = 0 } = await said.count();
    expect(owners).toBeLessThanOrEqual(announced);
    // One more where the worker was just looking for work, and took nothing unasked: then the turn begins by itself.
    const expected = subscriberReadsOfTurn(shape)["select_chat_changes"] ?? 0;
    expect([expected, expected + 1]).toContain(announced);
    // Reads coalesce: what is announced while one is under way is read by the next. One is before the gate, one behind it.
    expect(reads).toBeGreaterThanOrEqual(2);
    expect(reads).toBeLessThanOrEqual(announced);
  });
});

/** The comparison that follows says better what is missing. */
function compareAnyway(): void {}

/** What is said on the bus from now on, by what it is about. */
async function sayings(): Promise<{
  readonly count: () => Promise<Readonly<Record<string, number>>>;
  readonly reset: () => void;
}> {
  const connection = await nats.connect();
  const counts = new Map<string, number>();
  connection.subscribe("palaver.v1.>", {
    callback: (_, { subject }) => {
      const about = subject.split(".")[2] ?? "";
      counts.set(about, (counts.get(about) ?? 0) + 1);
    },
  });
  await connection.flush();
  return {
    count: async () => {
      await connection.flush();
      return Object.fromEntries(counts);
    },
    reset: () => counts.clear(),
  };
}
