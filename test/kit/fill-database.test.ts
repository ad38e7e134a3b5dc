import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Applied, Chats, type WorkerRefusal } from "../../src/chat/index.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { WhenBusy } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { writeHeartbeat } from "../../src/store/index.js";
import { openTestDatabase, type OpenTestDatabase } from "./databases.js";
import { fillDatabase } from "./fill-database.js";
import { listHistory } from "./imports.js";
import { says, startTestReplica } from "./replica.js";

const messagesPerChat = 8;
const shortTurns = messagesPerChat / 4;

let opened: OpenTestDatabase;
let client: pg.Client;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "palaver-test-"));
  opened = await openTestDatabase("postgres");
  client = new pg.Client({ connectionString: opened.url });
  await client.connect();
  await fillDatabase(opened.url ?? "", { chats: 200, messagesPerChat, owner: "dev" });
});
afterAll(async () => {
  await client.end();
  await opened[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function select<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
  return (await client.query<Row>(sql, [...values])).rows;
}

/** Everything of a chat and its rows that the machine decides; who and when and what was said is left out. */
async function stored(id: string): Promise<unknown> {
  const [chat] = await select(
    `select archived, model, status, error is null as no_error, retry, action_deadline is null as no_deadline, compaction_requested, worker_id,
        (select array_agg(call ->> 'tool_name') from jsonb_array_elements(open_calls) call) as open_calls, lease_epoch, snapshot_version,
        history_version, queue_version, retry_version, metadata_version, reset_version, generation_attempt, last_message_id, last_queue_id
      from chats where id = $1`,
    [id],
  );
  const messages = await select(
    `select id, revision, role, content_version, visibility, compressed, hidden_at, interrupted, model, author is null as no_author,
        content -> 0 ->> 'type' as type, array(select jsonb_object_keys(content -> 0) order by 1) as keys
      from messages where chat_id = $1 order by id`,
    [id],
  );
  const queue = await select(
    "select id, position, content_version, model from queued_messages where chat_id = $1 order by id",
    [id],
  );
  return { chat, messages, queue };
}

interface Kind {
  readonly name: string;
  readonly ended: "answered" | "failed" | "called";
  readonly queued?: number;
  readonly change?: "Archive" | "UpdateMetadata";
  /** Of the generated ones. */
  readonly where: string;
}

const kinds: readonly Kind[] = [
  { name: "answered", ended: "answered", where: "status = 'waiting' and not archived and not pinned" },
  { name: "archived", ended: "answered", change: "Archive", where: "archived" },
  { name: "pinned", ended: "answered", change: "UpdateMetadata", where: "pinned" },
  { name: "failed", ended: "failed", where: "status = 'error' and last_queue_id = 0" },
  {
    name: "failed with a queue",
    ended: "failed",
    queued: 2,
    where: "status = 'error' and last_queue_id > 0",
  },
  { name: "waiting for a tool", ended: "called", where: "status = 'requires_action' and last_queue_id = 0" },
  {
    name: "waiting for a tool with a queue",
    ended: "called",
    queued: 2,
    where: "status = 'requires_action' and last_queue_id > 0",
  },
];

function accepted(result: Applied | WorkerRefusal): NonNullable<Applied["state"]> {
  if ("refused" in result || result.state === undefined) throw new Error(JSON.stringify(result));
  return result.state;
}

/** The same life through the chat machine. */
async function live({ ended, queued = 0, change }: Kind): Promise<string> {
  const { database } = opened;
  const workerId = randomUUID();
  const replica = { id: workerId, advertisedUrl: "", version: "test", capacity: 1, turns: 0 };
  await writeHeartbeat(database, { ...replica, clockAt: new Date(0) });
  const chats = new Chats({ database, publish: () => undefined, leaseMs: 3_600_000 });
  const [chatId, owner, model] = [randomUUID(), "dev", "scripted/default"];
  const chat = { id: chatId, owner, title: "", labels: {}, model, system: [], first: undefined };
  await chats.create(
    () => chat,
    () => undefined,
  );
  const parts = [{ type: "text" as const, text: "x" }];
  const send = async (): Promise<void> => {
    const message = { parts, author: owner, model };
    await chats.request({ chatId, owner }, { type: "Send", message, whenBusy: "queue" }, () => undefined);
  };
  for (let turn = 1; turn <= shortTurns; turn++) {
    const last = turn === shortTurns;
    await send();
    const { leaseEpoch, ...acquired } = accepted(await chats.work(chatId, { type: "Acquire", workerId }));
    const fence = { workerId, leaseEpoch };
    const historyVersion = acquired.versions.history;
    const before = { historyVersion, generationAttempt: acquired.generationAttempt };
    const begun = accepted(await chats.work(chatId, { type: "BeginAttempt", fence, attempt: before }));
    const attempt = { historyVersion, generationAttempt: begun.generationAttempt };
    if (last && ended === "failed") {
      for (let item = 0; item < queued; item++) await send();
      const error = { message: "m", kind: "overloaded" as const };
      accepted(await chats.work(chatId, { type: "Fail", fence, attempt, error }));
      continue;
    }
    const calls = last && ended === "called";
    const call = { type: "tool-call" as const, tool_call_id: "1", tool_name: "ask", args_json: "{}" };
    const messages = [{ role: "assistant" as const, parts: calls ? [call] : parts, model }];
    const stepped = accepted(await chats.work(chatId, { type: "CommitStep", fence, attempt, messages }));
    const finished = { type: "FinishTurn", fence, historyVersion: stepped.versions.history } as const;
    if (!calls) accepted(await chats.work(chatId, finished));
    else {
      const deadline = "2030-01-01T00:00:00.000Z";
      accepted(await chats.work(chatId, { type: "RequireAction", fence, deadline }));
      for (let item = 0; item < queued; item++) await send();
    }
  }
  const target = { chatId, owner };
  if (change === "Archive") await chats.request(target, { type: "Archive" }, () => undefined);
  if (change === "UpdateMetadata")
    await chats.request(target, { type: "UpdateMetadata", metadata: { pinned: true } }, () => undefined);
  return chatId;
}

describe("a filled database", () => {
  test.each(kinds)("holds of a chat that is $name what the machine writes", async (kind) => {
    const generated = await select<{ id: string }>(
      `select id from chats where ${kind.where} and last_message_id <= $1 and title like 'Chat number %' limit 1`,
      [shortTurns * 2],
    );
    expect(generated).toHaveLength(1);
    expect(await stored(generated[0]?.id ?? "")).toEqual(await stored(await live(kind)));
  });

  test("has as many chats and messages as were asked for, short ones and long ones, of many owners", async () => {
    const [counts] = await select(
      `select count(*)::int as chats, count(*) filter (where c.owner = 'dev')::int as own, count(distinct c.owner)::int as owners,
          sum(c.last_message_id)::int as told, sum(stored)::int as stored, min(stored)::int as least, max(stored)::int as most
        from chats c cross join lateral (select count(*) as stored from messages m where m.chat_id = c.id) m
        where title like 'Chat number %'`,
    );
    expect(counts).toMatchObject({ chats: 200, own: 80, least: 3, most: 24 });
    // A turn that failed has no answer.
    expect(counts).toMatchObject({ told: 200 * messagesPerChat - 4, stored: 200 * messagesPerChat - 4 });
  });

  test("takes references back as they were", async () => {
    const [reference] = await select(
      "select confdeltype, convalidated from pg_constraint where contype = 'f' and conrelid = 'messages'::regclass",
    );
    expect(reference).toEqual({ confdeltype: "c", convalidated: true });
  });

  test("is one that a replica reads, lists and goes on with", async () => {
    const scripts = join(folder, "scripts.json");
    await writeFile(scripts, JSON.stringify([{ name: "quick", turns: [{ steps: [{ text: "Done." }] }] }]));
    const env = { DATABASE_URL: opened.url ?? "", PALAVER_SCRIPTS: scripts };
    await using replica = await startTestReplica({ env });
    const { client: chats } = replica;
    const { chats: page } = await chats.listChats({ pageSize: 200 });
    expect(page.length).toBeGreaterThan(60);
    const find = (status: ChatStatus): string => {
      // One without a queue: it would take as many turns.
      const chat = page.find(
        (listed) =>
          listed.title.startsWith("Chat number ") &&
          listed.status === status &&
          listed.versions?.queueVersion === 1n,
      );
      if (chat === undefined) throw new Error(`no chat is ${ChatStatus[status]}`);
      return chat.id;
    };

    const waiting = find(ChatStatus.WAITING);
    const history = await listHistory(chats, waiting);
    expect(history.map(({ role }) => role)).toEqual(
      history.map((_, at) => (at % 2 === 0 ? Role.USER : Role.ASSISTANT)),
    );
    for (const { parts } of history) expect(parts.map(({ kind }) => kind.case)).toEqual(["text"]);

    for (const chatId of [waiting, find(ChatStatus.ERROR), find(ChatStatus.REQUIRES_ACTION)]) {
      const before = await listHistory(chats, chatId);
      const watch = replica.watch(chatId);
      await watch.event("caughtUp");
      expect(watch.messages()).toEqual(before);
      const { mark } = watch;
      const goOn = { parts: says("go on"), model: "scripted/quick", whenBusy: WhenBusy.INTERRUPT };
      await chats.sendMessage({ chatId, ...goOn });
      await watch.status(ChatStatus.WAITING, mark);
      expect((await listHistory(chats, chatId)).slice(before.length).map(({ role }) => role)).toContain(
        Role.ASSISTANT,
      );
    }
  });
});
