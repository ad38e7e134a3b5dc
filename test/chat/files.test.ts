import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Chats, type ClientRequest, type UserMessage } from "../../src/chat/index.js";
import { model, userMessage } from "../../src/chat/machine.fixture.js";
import { type FilePart, PalaverError, type StoredPart } from "../../src/protocol/index.js";
import {
  type Database,
  databaseFiles,
  type Files,
  readChatView,
  readHistory,
  removeOutdated,
} from "../../src/store/index.js";
import { engines, openTestDatabase } from "../kit/databases.js";

const file = (id: string): FilePart => ({ type: "file", file_id: id, media_type: "" });
const saying = (...parts: StoredPart[]): UserMessage => ({ parts, author: "ada", model });

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!PalaverError.is(error)) throw new Error("expected a refusal", { cause: error });
  return `${error.reason} ${error.fieldViolations.map(({ field }) => field).join()}`.trim();
}

describe.each(engines)("files of messages on %s", (engine) => {
  let opened: Awaited<ReturnType<typeof openTestDatabase>>;
  let database: Database;
  let files: Files;
  let chats: Chats;
  beforeAll(async () => {
    opened = await openTestDatabase(engine);
    database = opened.database;
    files = databaseFiles(database);
    chats = new Chats({ database, leaseMs: 60_000, publish: () => undefined });
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  async function upload(owner = "ada", name = "a.txt"): Promise<string> {
    const id = randomUUID();
    await files.put({ id, owner, name, mediaType: "text/plain", data: Buffer.from(name) }, () => true);
    return id;
  }

  async function create(first: UserMessage = userMessage("hello"), owner = "ada"): Promise<string> {
    const id = randomUUID();
    const chat = { id, owner, title: "t", labels: {}, model, system: [], first };
    return chats.create(
      () => chat,
      () => id,
    );
  }

  const request = (chatId: string, input: ClientRequest): Promise<void> =>
    chats.request({ chatId, owner: "ada" }, input, () => undefined);
  const send = (chatId: string, message: UserMessage): Promise<void> =>
    request(chatId, { type: "Send", message, whenBusy: "queue" });
  /** Only an idle chat can be deleted. */
  const idle = async (chatId: string): Promise<string> => {
    await request(chatId, { type: "Interrupt" });
    return chatId;
  };
  const remove = async (chatId: string): Promise<void> => request(await idle(chatId), { type: "Delete" });
  const exists = async (id: string): Promise<boolean> => (await files.find(id, undefined)) !== undefined;

  it("are told as they were uploaded, whatever the client says of them, in history and queue", async () => {
    const id = await upload("ada", "notes.md");
    const claimed: FilePart = { type: "file", file_id: id, media_type: "image/png", name: "x.png" };
    const told = { type: "file", file_id: id, media_type: "text/plain", name: "notes.md" };
    const chatId = await create(saying(claimed));
    await send(chatId, saying({ type: "text", text: "and" }, claimed));
    const view = await readChatView(database, chatId, "ada", {
      sinceVersion: 0,
      afterMessageId: 0,
      resetSinceVersion: 0,
    });
    expect(view?.messages.map(({ parts }) => parts)).toEqual([[told]]);
    expect(view?.queue.map(({ parts }) => parts)).toEqual([[{ type: "text", text: "and" }, told]]);
  });

  it("have to exist and to be the author's own; nothing is changed otherwise", async () => {
    const [own, foreign] = [await upload(), await upload("eve")];
    const chatId = await create();
    const history = await readHistory(database, chatId);
    for (const id of [foreign, randomUUID()]) {
      const message = saying({ type: "text", text: "x" }, file(own), file(id));
      const refused = "FILE_NOT_FOUND parts[2].file.file_id";
      expect(await reasonOf(send(chatId, message))).toBe(refused);
      expect(await reasonOf(request(chatId, { type: "Edit", messageId: 1, message }))).toBe(refused);
      expect(await reasonOf(create(message))).toBe(refused);
    }
    expect(await readHistory(database, chatId)).toEqual(history);
    expect((await files.unnamed("ada")).count).toBeGreaterThan(0);
    await files.delete(own, "ada");
  });

  it("are named for good once a message names them, and not by a message that is refused", async () => {
    const before = (await files.unnamed("ada")).count;
    const id = await upload();
    const chatId = await create();
    const refused = request(chatId, { type: "Send", message: saying(file(id)), whenBusy: "reject" });
    expect(await reasonOf(refused)).toBe("CHAT_BUSY");
    expect((await files.unnamed("ada")).count).toBe(before + 1);
    await send(chatId, saying(file(id)));
    expect((await files.unnamed("ada")).count).toBe(before);
  });

  it("are at most 50 different ones in a chat: the message with one more is refused whole", async () => {
    const ids = await Promise.all(Array.from({ length: 52 }, () => upload()));
    const chatId = await create(saying(...ids.slice(0, 30).map(file)));
    await request(chatId, { type: "Interrupt" });
    await send(chatId, saying(...ids.slice(10, 49).map(file)));
    const [last = "", tooMuch = ""] = ids.slice(50);
    expect(await reasonOf(send(chatId, saying(file(last), file(tooMuch), file(last))))).toBe(
      "TOO_MANY_FILES",
    );
    await send(chatId, saying(file(last), file(ids[0] ?? "")));
    expect(await reasonOf(send(chatId, saying(file(tooMuch))))).toBe("TOO_MANY_FILES");
    // One that was deleted makes room.
    await files.delete(last, "ada");
    await send(chatId, saying(file(tooMuch)));
    expect(
      await reasonOf(
        create(saying(...(await Promise.all(Array.from({ length: 51 }, () => upload()))).map(file))),
      ),
    ).toBe("TOO_MANY_FILES");
  });

  it("go with the last chat that names them, also if an edit has hidden the message", async () => {
    const [shared, own] = [await upload(), await upload()];
    const first = await create(saying(file(shared), file(own)));
    await request(first, { type: "Edit", messageId: 1, message: userMessage("no files") });
    const second = await create(saying(file(shared)));
    await remove(first);
    expect([await exists(shared), await exists(own)]).toEqual([true, false]);
    await remove(second);
    expect(await exists(shared)).toBe(false);
  });

  it("that are deleted leave their part behind", async () => {
    const id = await upload();
    const chatId = await create(saying(file(id)));
    expect(await files.delete(id, "eve")).toBe(false);
    expect(await files.delete(id, "ada")).toBe(true);
    const [message] = await readHistory(database, chatId);
    expect(message?.parts).toEqual([{ type: "file", file_id: id, media_type: "text/plain", name: "a.txt" }]);
    expect(await reasonOf(send(chatId, saying(file(id))))).toBe("FILE_NOT_FOUND parts[0].file.file_id");
    await remove(chatId);
  });

  it("survive when a chat names them while the only other one is deleted, or the message is refused", async () => {
    for (let round = 0; round < 20; round += 1) {
      const id = await upload();
      const first = await idle(await create(saying(file(id))));
      const second = await create();
      const [deleted, named] = await Promise.allSettled([
        request(first, { type: "Delete" }),
        send(second, saying(file(id))),
      ]);
      expect(deleted.status).toBe("fulfilled");
      expect(await exists(id)).toBe(named.status === "fulfilled");
      if (named.status === "rejected")
        expect(await reasonOf(Promise.reject(named.reason as Error))).toContain("FILE_NOT_FOUND");
    }
  });

  it("are named by many messages at once without a deadlock", async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, () => upload()));
    const created = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        create(saying(...(index % 2 === 0 ? ids : ids.toReversed()).map(file))),
      ),
    );
    await Promise.all(created.map(remove));
    expect(await Promise.all(ids.map(exists))).toEqual(ids.map(() => false));
  });

  it("that no message has named are removed after a day", async () => {
    const [old, young, named] = [await upload(), await upload(), await upload()];
    const chatId = await create(saying(file(named)));
    const age = {
      name: "test_age_files",
      text: "update files set created_at = created_at - interval '25 hours' where id = any($1::uuid[])",
    };
    await database.execute(age, [[old, named]]);
    await removeOutdated(database);
    expect([await exists(old), await exists(young), await exists(named)]).toEqual([false, true, true]);
    expect(await reasonOf(send(chatId, saying(file(old))))).toContain("FILE_NOT_FOUND");
  });

  it("are removed in batches until none is left", async () => {
    const fill = {
      name: "test_fill_old_files",
      text: `insert into files (id, owner, name, media_type, size_bytes, data, created_at)
        select gen_random_uuid(), 'bob', 'a', 'text/plain', 1, 'a', now() - interval '2 days' from generate_series(1, 250)`,
    };
    await database.execute(fill);
    await removeOutdated(database);
    expect(await files.unnamed("bob")).toEqual({ count: 0, bytes: 0 });
  });

  describe("read for a prompt", () => {
    const read = async (chatId: string, ids: string[], maxBytes = 100): Promise<[string, string][]> =>
      [...(await files.forChat(chatId, ids, maxBytes))].map(([id, { data }]) => [
        id,
        Buffer.from(data).toString(),
      ]);

    it("are those of the chat's owner that exist; ids of any form are borne with", async () => {
      const [own, foreign] = [await upload("ada", "own"), await upload("eve", "foreign")];
      const chatId = await create(saying(file(own)));
      expect(await read(chatId, [foreign, "file-abc123", "", own, randomUUID()])).toEqual([[own, "own"]]);
      expect(await read(randomUUID(), [own])).toEqual([]);
    });

    it("are the first that fit", async () => {
      const ids = await Promise.all(["1234", "56", "7890", "x"].map((name) => upload("ada", name)));
      const chatId = await create();
      const names = async (maxBytes: number): Promise<string[]> =>
        (await read(chatId, ids, maxBytes)).map(([, text]) => text);
      expect(await names(11)).toEqual(["1234", "56", "7890", "x"]);
      expect(await names(10)).toEqual(["1234", "56", "7890"]);
      expect(await names(9)).toEqual(["1234", "56"]);
      expect(await names(3)).toEqual([]);
    });

    it("are whole, whatever their size", async () => {
      const id = randomUUID();
      const data = Buffer.alloc(2 * 1024 * 1024 + 1);
      for (let at = 0; at < data.length; at += 1) data[at] = at % 251;
      await files.put({ id, owner: "ada", name: "a", mediaType: "image/png", data }, () => true);
      const found = await files.forChat(await create(), [id], 10 * 1024 * 1024);
      expect(Buffer.compare(found.get(id)?.data ?? Buffer.alloc(0), data)).toBe(0);
    });
  });
});
