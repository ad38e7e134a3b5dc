import { expect, test } from "vitest";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { loadMigrations, type Migration, migrate } from "../../src/store/index.js";
import { openTestDatabase } from "../kit/databases.js";
import { newChat, startTestReplica } from "../kit/replica.js";
import { ReplicaAt0005 } from "./version-at-0005.js";

/** Migrations as later versions may bring them. */
async function laterMigrations(count: number): Promise<Migration[]> {
  const own = await loadMigrations();
  const later = Array.from({ length: count }, (_, index): Migration => {
    const id = own.length + 1 + index;
    return {
      id,
      name: `${String(id).padStart(4, "0")}_later`,
      sql: `alter table replicas add column later_${id} text not null default '';
        alter table chats add column later_${id} jsonb; create table later_${id} (id integer primary key)`,
    };
  });
  return [...own, ...later];
}

test("a replica goes on, and another starts, when the next version has migrated the database", async () => {
  await using opened = await openTestDatabase("postgres", { migrate: false });
  const env = { DATABASE_URL: opened.url ?? "", PALAVER_POLL: "50ms" };
  await using running = await startTestReplica({ env });
  const answerOf = async (replica: typeof running): Promise<void> => {
    const watch = replica.watch(await newChat(replica.client, "scripted/default", "hello"));
    await watch.until("an answer", () => (watch.messages().length === 2 ? true : undefined));
    await watch.status(ChatStatus.WAITING);
  };
  await answerOf(running);

  expect((await migrate(opened.database, { migrations: await laterMigrations(1) })).applied).toHaveLength(1);

  await answerOf(running);
  await running.stop();
  await using started = await startTestReplica({ env });
  await answerOf(started);
});

test("a replica refuses a database that is two versions ahead, and leaves it as it is", async () => {
  await using opened = await openTestDatabase("postgres", { migrate: false });
  await migrate(opened.database, { migrations: await laterMigrations(2) });
  const living = new ReplicaAt0005(opened.database);
  await living.beat();
  await expect(startTestReplica({ env: { DATABASE_URL: opened.url ?? "" } })).rejects.toMatchObject({
    reason: "DATABASE_TOO_NEW",
  });
  const text = "select count(*)::integer as count from replicas";
  expect(await opened.database.query({ name: "test.count_replicas", text })).toEqual([{ count: 1 }]);
});
