import { expect, it } from "vitest";
import * as z from "zod";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { openPostgres } from "../../src/store/index.js";
import { defineTool } from "../../src/tools/index.js";
import { gate, startProviderServer, text, toolCall } from "../kit/provider-server/index.js";
import { newChat, startTestReplica } from "../kit/replica.js";
import { until } from "../kit/until.js";
import { textOf } from "../kit/watch.js";

const countDeltas = { name: "test_count_deltas", text: "select count(*) as rows from checkpoint_deltas" };

it("a replica checkpoints all its running steps, of tools as well, and keeps nothing once its chats are idle", async () => {
  await using provider = await startProviderServer();
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const tools = ["quick", "slow"].map((name) =>
    defineTool({
      name,
      description: "Takes its time",
      input: z.object({}),
      idempotent: false,
      run: () => (name === "slow" ? released.then(() => "done") : Promise.resolve("done")),
    }),
  );
  const env = { PALAVER_CHECKPOINT_INTERVAL: "10ms" };
  await using replica = await startTestReplica({ providers: provider, env, tools });
  await using database = openPostgres({ url: replica.env["DATABASE_URL"] ?? "", poolSize: 1 });
  const scripts = await Promise.all(
    Array.from({ length: 8 }, () =>
      provider.script(
        [text("let me see", { chunk: 2 }), gate("model"), toolCall("quick", {}), toolCall("slow", {})],
        [text("both are done")],
      ),
    ),
  );
  const rows = async (): Promise<number> =>
    (await database.query<{ rows: number }>(countDeltas))[0]?.rows ?? 0;
  const chats = await Promise.all(
    scripts.map(({ model }) => newChat(replica.client, `openai-chat/${model}`, "go")),
  );
  await until(async () => (await rows()) >= chats.length, { what: "checkpoints of all chats' answers" });
  for (const script of scripts) await script.open("model");
  const ofTools = {
    name: "test_count_chats",
    text: `select count(distinct d.chat_id) as rows from checkpoint_deltas d
      join chats c on c.id = d.chat_id and c.history_version = d.history_version where c.open_calls <> '[]'`,
  };
  await until(async () => (await database.query<{ rows: number }>(ofTools))[0]?.rows === chats.length, {
    what: "checkpoints of all chats' tools",
  });
  release();
  for (const chatId of chats) {
    const watch = replica.watch(chatId);
    await watch.status(ChatStatus.WAITING);
    expect(textOf(watch.messages().at(-1))).toBe("both are done");
  }
  expect(await rows()).toBe(0);
});
