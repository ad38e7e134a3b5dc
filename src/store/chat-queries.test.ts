import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engines, openTestDatabase, type OpenTestDatabase } from "../../test/kit/databases.js";
import { readChatView } from "./chat-queries.js";

describe.each(engines)("the pages of a chat on %s", (engine) => {
  let opened: OpenTestDatabase;
  beforeAll(async () => {
    opened = await openTestDatabase(engine);
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  /** A chat whose messages have these contents, the expressions of SQL for a row `i`, in groups of a revision each. */
  async function chatOf(count: number, content: string): Promise<string> {
    const id = randomUUID();
    await opened.database.script(`
      insert into chats (id, owner, title, model, status, snapshot_version, history_version, queue_version, retry_version,
          metadata_version, last_message_id)
        values ('${id}', 'alice', 't', 'm', 'waiting', 2 + ${count}, 2 + ${count}, 1, 1, 1, ${count});
      insert into messages (chat_id, id, revision, role, content, content_version)
        select '${id}', i, 2 + i / 3, 'user', ${content}, 2 from generate_series(1, ${count}) i`);
    return id;
  }

  /** The ids on each page, and about how large the page is. */
  async function pagesOf(id: string, sinceVersion: number): Promise<{ ids: number[]; size: number }[]> {
    const pages: { ids: number[]; size: number }[] = [];
    for (let afterMessageId = 0; ; ) {
      const options = { sinceVersion, afterMessageId, resetSinceVersion: 0 };
      const view = await readChatView(opened.database, id, "alice", options);
      if (view === undefined) throw new Error("no chat");
      const ids = view.messages.map((message) => message.id);
      pages.push({ ids, size: JSON.stringify(view.messages).length });
      if (!view.more) return pages;
      afterMessageId = ids.at(-1) ?? Number.POSITIVE_INFINITY;
    }
  }

  const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

  describe.each([0, 1])("read since version %i", (since) => {
    it("hold every message once, in order, also those without content", async () => {
      const id = await chatOf(600, "case when i > 300 then '[]'::jsonb end");
      const pages = await pagesOf(id, since);
      expect(pages.flatMap(({ ids }) => ids)).toEqual(upTo(600));
      expect(pages.map(({ ids }) => ids.length)).toEqual([256, 256, 88]);
    });

    it("are bounded by what they unpack to, however small it is stored", async () => {
      const text = "repeat('All work and no play. ', case when i = 2 then 60000 else 15000 end)";
      const id = await chatOf(8, `jsonb_build_array(jsonb_build_object('type', 'text', 'text', ${text}))`);
      const pages = await pagesOf(id, since);
      expect(pages.map(({ ids }) => ids)).toEqual([[1], [2], [3, 4, 5], [6, 7, 8]]);
    });
  });
});
