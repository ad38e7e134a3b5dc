import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engines, openTestDatabase, type OpenTestDatabase } from "../../test/kit/databases.js";
import type { Queryable, Statement } from "./database.js";
import { type ChatFilter, type ChatListPosition, listChats } from "./list-chats.js";
import type { Parameter } from "./parameters.js";

const everything: ChatFilter = { titleContains: [], labels: {} };

describe.each(engines)("the list of chats on %s", (engine) => {
  let opened: OpenTestDatabase;
  beforeAll(async () => {
    opened = await openTestDatabase(engine);
    await opened.database.script(`
      insert into chats (id, owner, title, labels, pinned, model, status, snapshot_version, history_version, queue_version,
          retry_version, metadata_version, updated_at)
        select gen_random_uuid(), 'owner ' || i % 20, 'chat ' || i, '{}', i % 100 = 0, 'scripted/default', 'waiting', 1, 1, 1, 1, 1,
          now() - i / 50 * interval '1 minute'
        from generate_series(1, 4000) i;
      analyze chats`);
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  it("pages over equal times without repeating or skipping any", async () => {
    const seen: ChatListPosition[] = [];
    for (let after: ChatListPosition | undefined; ; after = seen.at(-1)) {
      const page = await listChats(opened.database, "owner 0", { filter: everything, after, limit: 7 });
      if (page.length === 0) break;
      seen.push(...page.map(({ position }) => position));
    }
    expect(new Set(seen.map(({ id }) => id)).size).toBe(200);
    expect(seen).toHaveLength(200);
    expect(seen.map(({ pinned }) => pinned)).toEqual(seen.map((_, index) => index < 40));
  });

  it("is one statement, whatever the filter, and its position is a range of the index", async () => {
    const asked: { statement: Statement; values: readonly Parameter[] }[] = [];
    const spy = {
      query: (statement: Statement, values: readonly Parameter[] = []) => {
        asked.push({ statement, values });
        return opened.database.query(statement, values);
      },
    } as unknown as Queryable;
    const [first] = await listChats(spy, "owner 0", { filter: everything, after: undefined, limit: 1 });
    const filter = { ...everything, archived: false, titleContains: ["a", 'b"'], labels: { a: "b" } };
    await listChats(spy, "owner 0", { filter, after: first?.position, limit: 1 });
    expect(new Set(asked.map(({ statement }) => statement)).size).toBe(1);

    const plan = await opened.database.transaction(async (tx) => {
      await tx.script("set local plan_cache_mode = force_generic_plan");
      const [query] = asked;
      const text = `explain ${query?.statement.text ?? ""}`;
      return tx.query<Record<"QUERY PLAN", string>>({ name: "explain_list_chats", text }, query?.values);
    });
    const lines = plan.map((row) => row["QUERY PLAN"]).join("\n");
    expect(lines).toContain("using chats_by_owner");
    expect(lines).toMatch(/Index Cond: \(\(owner = .*ROW\(pinned, updated_at\) <= ROW/);
    expect(lines).not.toContain("Sort");
  });
});
