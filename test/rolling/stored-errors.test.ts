import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Chat, ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import type { WatchChatsResponse } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { ChatErrorKind, type ChatErrorSchema } from "../../src/gen/palaver/chat/v1/error_pb.js";
import { openTestDatabase, type OpenTestDatabase } from "../kit/databases.js";
import { newChat, startTestReplica, type TestReplica } from "../kit/replica.js";

/** Errors as versions before 0002 write them, also after it was applied: plain text, as a JSON string. */
const told: readonly (readonly [string, string])[] = [
  ["Anthropic is busy.", "Anthropic is busy."],
  ['said "no"\n— 今日は', 'said "no"\n— 今日は'],
  ['{"message":"x"}', '{"message":"x"}'],
  ["  ", "The turn failed."],
];

let opened: OpenTestDatabase;
let replica: TestReplica;
beforeAll(async () => {
  opened = await openTestDatabase("postgres");
  const env = { DATABASE_URL: opened.url ?? "", PALAVER_POLL: "50ms", PALAVER_CONCURRENT_TURNS: "0" };
  replica = await startTestReplica({ env });
});
afterAll(async () => {
  await replica[Symbol.asyncDispose]();
  await opened[Symbol.asyncDispose]();
});

/** What an older replica commits when a turn has failed for good. */
async function failAsOlderVersion(chatId: string, error: string): Promise<void> {
  const statement = {
    name: "test.fail_chat",
    text: `update chats set status = 'error', error = $2::jsonb, worker_id = null, snapshot_version = snapshot_version + 1,
      updated_at = clock_timestamp() where id = $1`,
  };
  expect(await opened.database.execute(statement, [chatId, JSON.stringify(error)])).toBe(1);
}

/** What an older replica commits when an attempt has failed and is to be repeated. */
async function retryAsOlderVersion(chatId: string, error: string): Promise<void> {
  const retry = { attempt: 1, delay_ms: 60_000, due_at: "2099-01-01T00:00:00.000Z", error };
  const statement = {
    name: "test.retry_chat",
    text: `update chats set retry = $2::jsonb, snapshot_version = snapshot_version + 1, retry_version = snapshot_version + 1
      where id = $1`,
  };
  expect(await opened.database.execute(statement, [chatId, JSON.stringify(retry)])).toBe(1);
}

const generic = (message: string): MessageInitShape<typeof ChatErrorSchema> => ({
  message,
  kind: ChatErrorKind.GENERIC,
});

describe.each(told)(
  "the plain text %j that an older replica stores reads as a generic error",
  (text, message) => {
    test("in GetChat and ListChats", async () => {
      const chatId = await newChat(replica.client, "scripted/default");
      await failAsOlderVersion(chatId, text);
      const { chat } = await replica.client.getChat({ chatId });
      expect(chat).toMatchObject({ status: ChatStatus.ERROR, error: generic(message) });
      const { chats } = await replica.client.listChats({ pageSize: 100 });
      expect(chats.find(({ id }) => id === chatId)).toMatchObject({ error: generic(message) });
    });

    test("in Subscribe, for who comes later and for who is there", async () => {
      const chatId = await newChat(replica.client, "scripted/default");
      const there = replica.watch(chatId);
      await there.event("caughtUp");
      await failAsOlderVersion(chatId, text);
      const later = replica.watch(chatId);
      for (const watch of [there, later]) {
        await watch.status(ChatStatus.ERROR);
        const { error } = await watch.event("error");
        expect(error).toMatchObject(generic(message));
        expect(watch.ended).toBeUndefined();
      }
    });

    test("in the retry of Subscribe", async () => {
      const chatId = await newChat(replica.client, "scripted/default", "hello");
      const there = replica.watch(chatId);
      await there.event("caughtUp");
      await retryAsOlderVersion(chatId, text);
      const later = replica.watch(chatId);
      for (const watch of [there, later])
        expect((await watch.event("retry")).retry?.error).toMatchObject(generic(message));
    });

    test("in WatchChats, for who comes later and for who is there", async () => {
      const chatId = await newChat(replica.client, "scripted/default");
      await using there = new ListWatch(replica);
      await there.find(({ id }) => id === chatId);
      await failAsOlderVersion(chatId, text);
      await using later = new ListWatch(replica);
      for (const watch of [there, later]) {
        const chat = await watch.find(({ id, status }) => id === chatId && status === ChatStatus.ERROR);
        expect(chat.error).toMatchObject(generic(message));
      }
    });
  },
);

/** The list of chats as it changes. */
class ListWatch implements AsyncDisposable {
  readonly #leave = new AbortController();
  readonly #responses: AsyncIterator<WatchChatsResponse>;

  constructor({ client }: TestReplica) {
    this.#responses = client.watchChats({}, { signal: this.#leave.signal })[Symbol.asyncIterator]();
  }

  /** The next chat of which that holds. */
  async find(matches: (chat: Chat) => boolean): Promise<Chat> {
    for (;;) {
      const { value, done } = await this.#responses.next();
      if (done === true) throw new Error("the list ended");
      const chats = value.events.flatMap(({ event }) =>
        event.case === "chatUpdate" ? (event.value.chat ?? []) : [],
      );
      const found = chats.find(matches);
      if (found !== undefined) return found;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave.abort();
    await this.#responses.next().catch(() => undefined);
  }
}
