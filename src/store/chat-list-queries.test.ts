import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { engines, openTestDatabase, type OpenTestDatabase } from "../../test/kit/databases.js";
import {
  type ChatChanges,
  type ChatChangesPosition,
  readChatChanges,
  readSnapshot,
  removeOldDeletions,
} from "./chat-list-queries.js";
import type { Queryable, Statement } from "./database.js";
import type { Parameter } from "./parameters.js";

const start: ChatChangesPosition = { seen: undefined, round: undefined };

describe.each(engines)("the changes of a list on %s", (engine) => {
  let opened: OpenTestDatabase;
  beforeEach(async () => {
    opened = await openTestDatabase(engine);
  });
  afterEach(() => opened[Symbol.asyncDispose]());

  async function insert(title: string, owner = "alice", db: Queryable = opened.database): Promise<string> {
    const id = randomUUID();
    const text = `insert into chats (id, owner, title, model, status, snapshot_version, history_version, queue_version,
      retry_version, metadata_version) values ($1, $2, $3, 'm', 'waiting', 1, 1, 1, 1, 1)`;
    await db.execute({ name: "test_insert", text }, [id, owner, title]);
    return id;
  }

  async function set(id: string, assignments: string, db: Queryable = opened.database): Promise<void> {
    await db.script(`update chats set ${assignments} where id = '${id}'`);
  }

  function read(position: ChatChangesPosition, limit = 100, owner = "alice"): Promise<ChatChanges> {
    return readChatChanges(opened.database, owner, position, limit);
  }

  function told({ changes }: ChatChanges): (string | undefined)[] {
    return changes.map(({ chat }) => chat?.title);
  }

  async function seenNow(): Promise<ChatChangesPosition> {
    return { seen: await readSnapshot(opened.database), round: undefined };
  }

  it("are all chats at first, then only what changed, the newest state of each", async () => {
    const first = await insert("first");
    await insert("second");
    await insert("of somebody else", "bob");
    const all = await read(start);
    expect(told(all)).toEqual(["first", "second"]);
    const after = { seen: all.now, round: undefined };
    expect(told(await read(after))).toEqual([]);
    await set(first, "title = 'renamed'");
    await set(first, "title = 'renamed again'");
    await insert("third");
    expect(told(await read(after))).toEqual(["renamed again", "third"]);
    expect(told(await read(after, 100, "bob"))).toEqual([]);
  });

  it.each([
    ["title = 'other'", true],
    [`labels = '{"a": "b"}'`, true],
    ["archived = true", true],
    ["pinned = true", true],
    ["model = 'n'", true],
    ["status = 'error', error = '{}'", true],
    ["updated_at = now() + interval '1 s'", true],
    ["status = 'running'", true],
    ["status = 'requires_action', action_deadline = now()", true],
    [`retry = '{"attempt": 1}'`, true],
    ["snapshot_version = 2, queue_version = 2, last_queue_id = 1", false],
    ["generation_attempt = 1, lease_epoch = 2, compaction_requested = true", false],
    [`open_calls = '[{"tool_call_id": "a", "tool_name": "b"}]'`, false],
    ["title = title", false],
  ])("%s is a change: %s", async (assignments, isChange) => {
    const id = await insert("chat");
    const position = await seenNow();
    await set(id, assignments);
    expect((await read(position)).changes).toHaveLength(isChange ? 1 : 0);
  });

  it("tell when a running chat finds an owner or loses it, not which one it has", async () => {
    const id = await insert("chat");
    await set(id, "status = 'running'");
    for (const [worker, isChange] of [
      [randomUUID(), true],
      [randomUUID(), false],
      [undefined, true],
    ] as const) {
      const position = await seenNow();
      await set(id, `worker_id = ${worker === undefined ? "null" : `'${worker}'`}`);
      expect((await read(position)).changes).toHaveLength(isChange ? 1 : 0);
    }
  });

  it("tell the calls that a client has to run", async () => {
    const id = await insert("chat");
    await set(id, "status = 'requires_action'");
    const position = await seenNow();
    await set(id, `open_calls = '[{"tool_call_id": "a", "tool_name": "b"}]'`);
    expect((await read(position)).changes[0]?.chat?.openCalls).toHaveLength(1);
  });

  it("tell of deletions whoever may have seen the chat, and nobody else", async () => {
    const id = await insert("chat");
    const position = await seenNow();
    await opened.database.script(`delete from chats where id = '${id}'`);
    const { changes } = await read(position);
    expect(changes).toMatchObject([{ chatId: id, chat: undefined }]);
    expect((await read(start)).changes).toEqual([]);
    expect((await read(position, 100, "bob")).changes).toEqual([]);
  });

  it("come in pages of one moment: what changes meanwhile comes after", async () => {
    const ids = await Promise.all(["a", "b", "c", "d", "e"].map((title) => insert(title)));
    const titles: (string | undefined)[] = [];
    let position = start;
    let until: string | undefined;
    for (;;) {
      const page = await read(position, 2);
      titles.push(...told(page));
      until ??= page.now;
      const last = page.changes.at(-1);
      if (last === undefined) break;
      position = { seen: undefined, round: { until, after: last } };
      if (titles.length === 2) {
        await set(ids.find((id) => id === page.changes[0]?.chatId) ?? "", "title = 'changed, told before'");
        await insert("new");
      }
    }
    expect([...titles].sort()).toEqual(["a", "b", "c", "d", "e"]);
    const rest = await read({ seen: until, round: undefined });
    expect(told(rest)).toEqual(["changed, told before", "new"]);
  });

  it("of one transaction are told apart by their ids", async () => {
    await opened.database.transaction(async (tx) => {
      for (const title of ["a", "b", "c"]) await insert(title, "alice", tx);
    });
    const [first] = (await read(start, 1)).changes;
    if (first === undefined) throw new Error("there is no chat");
    const until = await readSnapshot(opened.database);
    const { changes } = await read({ seen: undefined, round: { until, after: first } });
    expect(changes).toHaveLength(2);
    expect(changes.map(({ chatId }) => chatId)).not.toContain(first.chatId);
  });

  it("are outdated when the position is later than the database", async () => {
    const [xmin = "", xmax = ""] = (await readSnapshot(opened.database)).split(":");
    const later = `${xmin}:${BigInt(xmax) + 1_000_000n}:`;
    expect((await read({ seen: later, round: undefined })).outdated).toBe(true);
    const round = { until: later, after: { xid: "1", chatId: randomUUID() } };
    expect((await read({ seen: undefined, round })).outdated).toBe(true);
    expect((await read(await seenNow())).outdated).toBe(false);
  });

  it("are outdated once a deletion after the position is forgotten, a week later", async () => {
    const id = await insert("chat");
    const before = await seenNow();
    await opened.database.script(`delete from chats where id = '${id}'`);
    const after = await seenNow();
    await removeOldDeletions(opened.database);
    expect((await read(before)).changes).toHaveLength(1);
    await opened.database.script("update deleted_chats set deleted_at = deleted_at - interval '8 days'");
    await removeOldDeletions(opened.database);
    expect(await read(before)).toMatchObject({ outdated: true, changes: [] });
    expect(await read(after)).toMatchObject({ outdated: false });
    expect(await read(start)).toMatchObject({ outdated: false });
    // Nothing to forget is no news.
    await removeOldDeletions(opened.database);
    expect(await read(after)).toMatchObject({ outdated: false });
  });

  it("do not take rows of a restored dump, whose transactions are ahead of this cluster's, for changes", async () => {
    const ahead = "'9000000000000000000'";
    const id = await insert("restored");
    await insert("new");
    await opened.database.script(
      `update chats set list_xid = ${ahead} where id = '${id}'; update deleted_chats_horizon set list_xid = ${ahead}`,
    );
    const first = await read(start, 1);
    expect(told(first)).toEqual(["new"]);
    const after = first.changes[0] ?? { xid: "", chatId: "" };
    // Also of a later page.
    expect(told(await read({ seen: undefined, round: { until: first.now, after } }))).toEqual(["restored"]);
    const position = await seenNow();
    expect(await read(position)).toMatchObject({ outdated: false, changes: [] });
    await set(id, "title = 'changed'");
    expect(told(await read(position))).toEqual(["changed"]);
    // What is forgotten here counts from here on.
    await opened.database.script(
      `delete from chats; update deleted_chats set deleted_at = deleted_at - interval '8 days'`,
    );
    await removeOldDeletions(opened.database);
    expect((await read(position)).outdated).toBe(true);
  });

  it("are found by ranges of an index", async () => {
    await opened.database.script(`
      insert into chats (id, owner, title, model, status, snapshot_version, history_version, queue_version, retry_version, metadata_version)
        select gen_random_uuid(), 'owner ' || i % 20, 'chat', 'm', 'waiting', 1, 1, 1, 1, 1 from generate_series(1, 4000) i;
      analyze chats; analyze deleted_chats`);
    const asked: { statement: Statement; values: readonly Parameter[] }[] = [];
    const spy = {
      query: (statement: Statement, values: readonly Parameter[] = []) => {
        asked.push({ statement, values });
        return opened.database.query(statement, values);
      },
    } as unknown as Queryable;
    // A snapshot with nothing under way, as far as it goes: transactions of other tests on this server would reach far back.
    const latest = {
      name: "latest_xid",
      text: "select pg_snapshot_xmax(pg_current_snapshot())::text as xid",
    };
    const [{ xid } = { xid: "" }] = await opened.database.query<{ xid: string }>(latest);
    await readChatChanges(spy, "owner 0", { seen: `${xid}:${xid}:`, round: undefined }, 100);
    const [query] = asked;
    const explain = { name: "explain_changes", text: `explain ${query?.statement.text ?? ""}` };
    const plan = await opened.database.query<Record<"QUERY PLAN", string>>(explain, query?.values);
    const lines = plan.map((row) => row["QUERY PLAN"]).join("\n");
    expect(lines).toMatch(
      /using chats_by_list_change on chats[^\n]*\n *Index Cond: \(\(owner = .*\(list_xid >= .*ROW\(list_xid, id\) > ROW/,
    );
  });
});

describe("on Postgres, where transactions overlap", () => {
  it("no change is missed, in whatever order transactions commit, and an old one that stays open holds nothing up", async () => {
    await using opened = await openTestDatabase("postgres");
    const { database } = opened;
    const titles = async (position: ChatChangesPosition): Promise<[string[], ChatChangesPosition]> => {
      const { changes, now } = await readChatChanges(database, "alice", position, 100);
      return [changes.map(({ chat }) => chat?.title ?? "deleted"), { seen: now, round: undefined }];
    };
    const open = async (title: string): Promise<() => Promise<void>> => {
      const gate = new EventEmitter();
      const written = once(gate, "written");
      const done = database.transaction(async (tx) => {
        const mayCommit = once(gate, "commit");
        await tx.script(`insert into chats (id, owner, title, model, status, snapshot_version, history_version, queue_version,
          retry_version, metadata_version) values (gen_random_uuid(), 'alice', '${title}', 'm', 'waiting', 1, 1, 1, 1, 1)`);
        gate.emit("written");
        await mayCommit;
      });
      await written;
      return async () => {
        gate.emit("commit");
        await done;
      };
    };
    const commitFirst = await open("first");
    const commitSecond = await open("second");
    const commitThird = await open("third");
    let position: ChatChangesPosition = { seen: await readSnapshot(database), round: undefined };
    let seen: string[];
    await commitThird();
    [seen, position] = await titles(position);
    expect(seen).toEqual(["third"]);
    await commitFirst();
    [seen, position] = await titles(position);
    expect(seen).toEqual(["first"]);
    await commitSecond();
    [seen, position] = await titles(position);
    expect(seen).toEqual(["second"]);
    [seen] = await titles(position);
    expect(seen).toEqual([]);
  });
});
