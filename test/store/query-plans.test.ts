import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Database, Queryable } from "../../src/store/index.js";
import { openTestDatabase, type OpenTestDatabase } from "../kit/databases.js";
import { fillDatabase } from "../kit/fill-database.js";
import { type Asked, customPlan, genericPlan } from "./explain.js";
import { runEveryStatement, type Subjects } from "./run-every-statement.js";
import { statementsIn, statementsOfStore } from "./statements-of-store.js";
import { type Growth, sortsForPages, wholeTableScans } from "./whole-table-scans.js";

/** A row for each replica, token, secret, migration; and one that is only one. */
const smallTables = [
  "replicas",
  "api_tokens",
  "cluster_secrets",
  "palaver_migrations",
  "deleted_chats_horizon",
];
/** What runs or waits now, and uploads of the last day that nobody has named. */
const smallIndexes = ["chats_with_work", "chats_unowned", "chats_awaiting_action", "files_unnamed"];
/** An owner's lists, which may be as long as all others together. */
const pagesOfLists = ["list_chats", "select_chat_list_changes"];
const growth: Growth = { smallTables: new Set(smallTables), smallIndexes: new Set(smallIndexes) };

/** Migrations run at a start, before anything is asked, on a table of their own. */
const exempt = (name: string): boolean => name.startsWith("migrations.");

let opened: OpenTestDatabase;
const asked = new Map<string, Asked>();

beforeAll(async () => {
  opened = await openTestDatabase("postgres");
  const { database } = opened;
  await fillDatabase(opened.url ?? "", { chats: 4_000, messagesPerChat: 12, owner: "dev" });
  await database.script(fillOtherTables);
  await runEveryStatement(recording(database, asked), await chooseSubjects(database));
});
afterAll(() => opened[Symbol.asyncDispose]());

/** Turns under way, and as much of everything else as there is of chats. Of what is tidied away little is there at a time. */
const fillOtherTables = `
  insert into replicas (id, version) select gen_random_uuid(), 'test' from generate_series(1, 3);
  update chats set status = 'running', worker_id = (select id from replicas limit 1), generation_attempt = 1
    where id in (select id from chats where owner = 'dev' and status = 'waiting' and not archived limit 20);
  insert into checkpoints (chat_id, history_version, generation_attempt, role, content, content_version)
    select id, history_version, 1, 'assistant', '[{"type":"text","text":"So far"}]', 2 from chats;
  insert into checkpoint_deltas (chat_id, history_version, generation_attempt, first_seq, last_seq, deltas)
    select id, history_version, 1, seq, seq, '' from chats cross join generate_series(1, 5) seq;
  insert into queued_messages (chat_id, id, position, content, content_version, model, author)
    select id, item, item, '[{"type":"text","text":"And then?"}]', 2, 'm', owner from chats cross join generate_series(11, 15) item;
  insert into files (id, owner, name, media_type, size_bytes, data, named, created_at)
    select gen_random_uuid(), owner, 'n', 'text/plain', 5, 'bytes', i > 1 or n > 200,
      now() - random() * case when i = 1 and n <= 200 then interval '1 day 30 minutes' else interval '90 days' end
    from (select owner, row_number() over () as n from chats) c cross join generate_series(1, 15) i;
  insert into chat_files (chat_id, file_id)
    select c.id, f.id from (select id, owner, row_number() over (partition by owner order by id) as number from files where named) f
      join (select id, owner, row_number() over (partition by owner order by id) as number, count(*) over (partition by owner) as count from chats) c
        on c.owner = f.owner and c.number = 1 + f.number % c.count;
  insert into idempotency_keys (owner, key, request_hash, response, created_at)
    select owner, i::text || id, 'h', 'r', now() - random() * interval '2 days 20 minutes' from chats cross join generate_series(1, 5) i;
  insert into deleted_chats (chat_id, owner, deleted_at)
    select gen_random_uuid(), owner, now() - random() * interval '7 days 60 minutes' from chats cross join generate_series(1, 5);
  analyze`;

async function chooseSubjects(database: Database): Promise<Subjects> {
  const statement = {
    name: "choose_subjects",
    text: `select array(select c.id from chats c where owner = 'dev' and status = 'waiting' and not archived
          and exists (select 1 from chat_files l where l.chat_id = c.id) limit 2) as idle,
        (select id from chats where status = 'running' limit 1) as running, (select id from replicas limit 1) as worker_id,
        (select id from files where owner = 'dev' and not named limit 1) as unnamed_file_id`,
  };
  const [row] = await database.query<{
    idle: [string, string];
    running: string;
    worker_id: string;
    unnamed_file_id: string;
  }>(statement);
  if (row === undefined) throw new Error("nothing is there");
  const file = { name: "choose_file", text: "select file_id from chat_files where chat_id = $1 limit 1" };
  const [link] = await database.query<{ file_id: string }>(file, [row.idle[1]]);
  return {
    owner: "dev",
    idle: row.idle,
    running: row.running,
    workerId: row.worker_id,
    fileId: link?.file_id ?? "",
    unnamedFileId: row.unnamed_file_id,
    position: {
      pinned: false,
      updatedUs: Date.UTC(2100, 0) * 1_000,
      id: "e7bfd479-8b75-4847-822a-a2288d8a70ef",
    },
  };
}

/** The same database, which notes what it is asked. */
function recording(database: Database, asked: Map<string, Asked>): Database {
  const noting = (queryable: Queryable): Queryable => ({
    query: (statement, values = []) => {
      asked.set(statement.name, { statement, values });
      return queryable.query(statement, values);
    },
    execute: (statement, values = []) => {
      asked.set(statement.name, { statement, values });
      return queryable.execute(statement, values);
    },
    script: (text) => queryable.script(text),
  });
  return {
    ...noting(database),
    kind: database.kind,
    transaction: (work, options) =>
      database.transaction((tx) => work({ ...noting(tx), finish: (last) => tx.finish(last) }), options),
    close: () => database.close(),
    abandon: () => database.abandon(),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

/** What is wrong with the plans of all statements, by name. */
async function complaints(tx: Queryable): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const [name, each] of asked) {
    const plans = [await customPlan(tx, each)];
    if (each.statement.planEachTime !== true) plans.push(await genericPlan(tx, each));
    const scans = plans.flatMap((plan) => wholeTableScans(plan, growth));
    const sorts = pagesOfLists.includes(name) ? plans.flatMap((plan) => sortsForPages(plan)) : [];
    if (scans.length + sorts.length > 0) found[name] = [...new Set([...scans, ...sorts])];
  }
  return found;
}

/** References whose rows can be found only by reading all: for each row that is deleted. */
async function slowReferences(tx: Queryable): Promise<string[]> {
  const statement = {
    name: "slow_references",
    text: `select conname as name from pg_constraint c
      where contype = 'f' and not exists (
        select 1 from pg_index i where i.indrelid = c.conrelid and i.indpred is null and i.indisvalid
          and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)`,
  };
  return (await tx.query<{ name: string }>(statement)).map(({ name }) => name);
}

/** What is found after a change of the schema, which is undone. */
async function after<T>(change: string, look: (tx: Queryable) => Promise<T>): Promise<T> {
  const undo = new Error("undo");
  const found: T[] = [];
  const changed = opened.database.transaction(async (tx) => {
    await tx.script(change);
    found.push(await look(tx));
    throw undo;
  });
  await expect(changed).rejects.toBe(undo);
  return found[0] as T;
}

test("every statement of the store is looked at", async () => {
  const known = (await statementsOfStore()).filter((name) => !exempt(name));
  expect(known.length).toBeGreaterThan(50);
  expect([...asked.keys()].toSorted()).toEqual(known.toSorted());
});

test("no statement takes longer the more is stored: tables are read along an index, and lists in its order", async () => {
  expect(await opened.database.transaction(complaints)).toEqual({});
});

test("what goes with a row that is deleted is found by an index", async () => {
  expect(await slowReferences(opened.database)).toEqual([]);
});

describe("the search for what takes longer", () => {
  test.each([
    ["drop index chats_with_work", "lock_runnable_chats", "Seq Scan on chats"],
    ["drop index chats_unowned, chats_with_work", "lock_unowned_chats", "Seq Scan on chats"],
    ["drop index chats_by_owner", "list_chats", "sorts for each page"],
    [
      "drop index messages_by_revision; alter table messages drop constraint messages_pkey",
      "select_history",
      "Seq Scan on messages",
    ],
    ["drop index chats_by_list_change", "select_chat_list_changes", "sorts for each page"],
    ["drop index files_unnamed", "select_unnamed_files", "Seq Scan on files"],
    ["drop index chat_files_by_file", "delete_unshared_files", "Seq Scan on chat_files"],
    ["drop index idempotency_keys_by_age", "delete_old_idempotency_keys", "Seq Scan on idempotency_keys"],
    ["drop index deleted_chats_by_age", "delete_old_chat_deletions", "Seq Scan on deleted_chats"],
  ])("complains after: %s", async (change, name, complaint) => {
    expect((await after(change, complaints))[name]).toContain(complaint);
  });

  test("complains of a reference without an index", async () => {
    expect(await after("drop index chat_files_by_file", slowReferences)).toEqual(["chat_files_file_id_fkey"]);
  });

  test("sees an index that is read whole, but for small ones", () => {
    const scan = { "Node Type": "Index Scan", "Relation Name": "chats" };
    expect(wholeTableScans({ ...scan, "Index Name": "chats_pkey" }, growth)).toEqual([
      "Index Scan of all of chats_pkey",
    ]);
    for (const index of [
      { "Index Name": "chats_with_work" },
      { "Index Name": "chats_pkey", "Index Cond": "(id = $1)" },
    ])
      expect(wholeTableScans({ ...scan, ...index }, growth)).toEqual([]);
  });

  test("finds statements however they are written", () => {
    const source = `
      const one: Statement = { name: "one", text: \`select \${columns} from chats\` };
      const make = (name: string, order: string): Statement => ({ name, text: order });
      const two = make("two", "id");
      run({ text: "select 3", name: "three" });`;
    expect(statementsIn(source, "a.ts").toSorted()).toEqual(["one", "three", "two"]);
    expect(() => statementsIn("run({ name: prefix + name, text })", "a.ts")).toThrow("what is the name");
  });
});
