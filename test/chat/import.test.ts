import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type JsonValue, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Chats } from "../../src/chat/index.js";
import { BadRequestSchema, ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { ChatService } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { FileService } from "../../src/gen/palaver/chat/v1/file_service_pb.js";
import {
  ImportService,
  RowVisibility,
  type StoredRowSchema,
} from "../../src/gen/palaver/chat/v1/import_service_pb.js";
import { type Part, PartSchema, Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { systemRandom } from "../../src/platform/index.js";
import { createToken } from "../../src/server/index.js";
import { insertToken, openPglite, openPostgres, type RawMessage } from "../../src/store/index.js";
import { engines, openTestDatabase } from "../kit/databases.js";
import { importAll, importChat, listHistory } from "../kit/imports.js";
import { says, startTestReplica, type TestReplica } from "../kit/replica.js";
import { until } from "../kit/until.js";
import { textOf } from "../kit/watch.js";

type Row = MessageInitShape<typeof StoredRowSchema>;

function textRow(role: string, text: string, fields: Partial<Row> = {}): Row {
  return {
    role,
    contentVersion: 1,
    contentJson: JSON.stringify([{ type: "text", text }]),
    ...fields,
  } as Row;
}

function conversation(rows: number): Row[] {
  return Array.from({ length: rows }, (_, index) =>
    textRow(index % 2 === 0 ? "user" : "assistant", `message ${index + 1}`),
  );
}

async function readAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

async function failureOf(call: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await call.then(
      () => new Error("it was accepted"),
      (reason: unknown) => reason,
    ),
  );
}

function reasonOf(error: ConnectError): string {
  return `${Code[error.code]} ${error.findDetails(ErrorInfoSchema)[0]?.reason ?? error.rawMessage}`;
}

describe.each(engines)("an import on %s", (engine) => {
  let replica: TestReplica;
  let imports: Client<typeof ImportService>;
  beforeAll(async () => {
    replica = await startTestReplica({ engine, env: { PALAVER_MAX_REQUEST_BYTES: "1048576" } });
    imports = createClient(ImportService, createGrpcTransport({ baseUrl: replica.url }));
  });
  afterAll(() => replica[Symbol.asyncDispose]());

  async function chatCount(): Promise<number> {
    return (await replica.client.listChats({ pageSize: 200 })).chats.length;
  }

  test("of 10,000 rows is one chat, and says how far it is", async () => {
    const { progress, result } = await importAll(imports, { rows: conversation(10_000) });
    expect(result).toMatchObject({ rowCount: 10_000, problems: [] });
    expect(result.chat).toMatchObject({ status: ChatStatus.WAITING, title: "message 1" });
    const counts = progress.map(({ rowCount }) => rowCount);
    expect(counts.length).toBeGreaterThan(3);
    expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
    expect(progress.every(({ totalRowCount }) => totalRowCount === 10_000)).toBe(true);

    const history = await listHistory(replica.client, result.chat?.id ?? "");
    expect(history.map(({ id }) => id)).toEqual(
      Array.from({ length: 10_000 }, (_, index) => BigInt(index + 1)),
    );
    expect(textOf(history.at(-1))).toBe("message 10000");
    expect(new Set(history.map(({ revision }) => revision))).toEqual(new Set([1n]));
  });

  test("holds on to the files that it names, if they are the caller's", async () => {
    const files = createClient(FileService, createGrpcTransport({ baseUrl: replica.url }));
    const data = new TextEncoder().encode("some text");
    const { file } = await files.createFile({ name: "a.txt", data });
    const named = (fileId: string): Row => ({
      role: "user",
      contentVersion: 2,
      contentJson: JSON.stringify([{ type: "file", file_id: fileId, media_type: "text/plain" }]),
    });
    const id = file?.id ?? "";
    const rows = [named(id), named("6c0d2b1e-5f1a-4c5e-9d5c-0c6c0a0f7a11"), named("no uuid")];
    const chat = await importChat(imports, { rows });
    // It goes with the only chat that names it.
    await replica.client.deleteChat({ chatId: chat.id });
    expect(reasonOf(await failureOf(readAll(files.getFile({ fileId: id }))))).toBe("NotFound FILE_NOT_FOUND");

    const many = await Promise.all(
      Array.from({ length: 51 }, async (_, index) => {
        const created = await files.createFile({ name: `${index}.txt`, data });
        return named(created.file?.id ?? "");
      }),
    );
    const failure = await failureOf(importChat(imports, { rows: many }));
    expect(reasonOf(failure)).toBe("ResourceExhausted TOO_MANY_FILES");
  });

  test("keeps what is known of a row", async () => {
    const said = timestampFromDate(new Date("2020-02-03T04:05:06.789Z"));
    const usage = { inputTokens: 1n, outputTokens: 2n ** 53n - 1n, runtimeMs: 5n };
    const chat = await importChat(imports, {
      title: "A \u0000 title",
      labels: { from: "elsewhere" },
      rows: [
        textRow("user", "hi", { createTime: said, author: "somebody" }),
        textRow("assistant", "ho", { model: "acme/one", interrupted: true, usage: usage as Row["usage"] }),
        textRow("user", "for people", { visibility: RowVisibility.USER }),
        textRow("user", "for the model", { visibility: RowVisibility.MODEL }),
        textRow("user", "taken back", { deleteTime: said }),
        textRow("system", "be kind", { compressed: true }),
        { role: "tool", contentVersion: 2 },
      ],
    });
    expect(chat).toMatchObject({
      title: "A \u0000 title",
      labels: { from: "elsewhere" },
      model: "scripted/default",
    });
    const history = await listHistory(replica.client, chat.id);
    expect(history.map(({ id, role, author, model }) => ({ id, role, author, model }))).toEqual([
      { id: 1n, role: Role.USER, author: "somebody", model: "" },
      { id: 2n, role: Role.ASSISTANT, author: "", model: "acme/one" },
      { id: 3n, role: Role.USER, author: chat.id === "" ? "" : history[2]?.author, model: "" },
      { id: 6n, role: Role.SYSTEM, author: "", model: "" },
      { id: 7n, role: Role.TOOL, author: "", model: "" },
    ]);
    expect(history[2]?.author).not.toBe("");
    expect(history[0]?.createTime).toEqual(said);
    expect(history[1]).toMatchObject({ interrupted: true, usage });
    expect(history[4]).toMatchObject({ parts: [], contentError: "" });
    expect(
      Math.abs(
        timestampDate(history[1]?.createTime ?? said).getTime() -
          timestampDate(chat.createTime ?? said).getTime(),
      ),
    ).toBeLessThan(1_000);
  });

  test("keeps rows that it cannot read, says which, and serves the others", async () => {
    const { result } = await importAll(imports, {
      rows: [
        textRow("user", "fine"),
        { role: "assistant", contentVersion: 0, contentJson: '"no strings here"' },
        { role: "user", contentVersion: 77, contentJson: "[]" },
        { role: "wizard", contentVersion: 1, contentJson: "[]" },
      ],
    });
    const problems = [
      { index: 1, error: "malformed_content" },
      { index: 2, error: "unsupported_version" },
      { index: 3, error: "unsupported_role" },
    ];
    expect(result).toMatchObject({ rowCount: 4, problems });
    expect(result.problems.every(({ message }) => message !== "")).toBe(true);
    const history = await listHistory(replica.client, result.chat?.id ?? "");
    expect(history.map(({ role, contentError }) => ({ role, contentError }))).toEqual([
      { role: Role.USER, contentError: "" },
      { role: Role.ASSISTANT, contentError: "malformed_content" },
      { role: Role.USER, contentError: "unsupported_version" },
      { role: Role.UNSPECIFIED, contentError: "unsupported_role" },
    ]);
  });

  test("with one bad row among 10,000 stores nothing", async () => {
    const rows = conversation(10_000);
    rows[9_998] = textRow("user", "", { contentJson: String.raw`["\u0000"]` });
    rows[9_999] = textRow("user", "", { createTime: { seconds: 10n ** 13n, nanos: 0 } as Row["createTime"] });
    const before = await chatCount();
    const error = await failureOf(importAll(imports, { rows }));
    expect(reasonOf(error)).toBe("InvalidArgument INVALID_ROWS");
    expect(error.rawMessage).toContain("1 more");
    const violations = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
    expect(violations.map(({ field }) => field)).toEqual([
      "rows[9998].content_json",
      "rows[9999].create_time",
    ]);
    expect(await chatCount()).toBe(before);
  });

  test("names ten faults at most, and says how many there are", async () => {
    const rows = Array.from({ length: 25 }, () => textRow("user", "", { contentJson: "{" }));
    const error = await failureOf(importAll(imports, { rows }));
    expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations).toHaveLength(10);
    expect(error.rawMessage).toContain("24 more");
    expect(error.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ row_count: "25" });
  });

  test("that is only tried stores nothing and lists everything", async () => {
    const before = await chatCount();
    const rows = [
      textRow("user", "fine"),
      textRow("user", "", { contentJson: "nothing" }),
      textRow("user", "", { usage: { inputTokens: -1n } as Row["usage"] }),
      { role: "wizard", contentVersion: 1 },
    ];
    const { progress, result } = await importAll(imports, { rows, dryRun: true, idempotencyKey: "dry" });
    expect(progress).toEqual([]);
    expect(result).toMatchObject({
      rowCount: 0,
      problems: [
        { index: 1, error: "invalid_row" },
        { index: 2, error: "invalid_row" },
        { index: 3, error: "unsupported_role" },
      ],
    });
    expect(result.chat).toBeUndefined();
    const good = await importAll(imports, { rows: rows.slice(0, 1), dryRun: true, idempotencyKey: "dry" });
    expect(good.result).toMatchObject({ rowCount: 1, problems: [] });
    expect(await chatCount()).toBe(before);
  });

  test("with an idempotency key happens once (MSG-4)", async () => {
    const request = { rows: conversation(3), labels: { a: "1", b: "2" }, idempotencyKey: "once" };
    const first = await importAll(imports, request);
    const again = await importAll(imports, { ...request, labels: { b: "2", a: "1" } });
    expect(again.result).toEqual(first.result);
    for (const other of [{ title: "other" }, { rows: conversation(4) }]) {
      const error = await failureOf(importAll(imports, { ...request, ...other }));
      expect(reasonOf(error)).toBe("AlreadyExists IDEMPOTENCY_KEY_REUSED");
    }
  });

  test.each([
    ["no rows", { rows: [] }, "INVALID_REQUEST"],
    ["a version below zero", { rows: [{ role: "user", contentVersion: -1 }] }, "INVALID_REQUEST"],
    ["an unknown model", { rows: conversation(1), model: "acme/one" }, "UNKNOWN_MODEL"],
    [
      "an unknown model, when tried",
      { rows: conversation(1), model: "acme/one", dryRun: true },
      "UNKNOWN_MODEL",
    ],
  ])("of %s is refused", async (_, request, reason) => {
    expect(reasonOf(await failureOf(importAll(imports, request)))).toBe(`InvalidArgument ${reason}`);
  });

  test("of a history that ends with an open call can be gone on with", async () => {
    const call = { type: "tool-call", tool_call_id: "c1", tool_name: "current_time", args: {} };
    const chat = await importChat(imports, {
      rows: [
        textRow("user", "what is the time?"),
        { role: "assistant", contentVersion: 1, contentJson: JSON.stringify([call]) },
      ],
    });
    expect(chat.status).toBe(ChatStatus.WAITING);
    expect(chat.actionRequired).toBeUndefined();
    const watch = replica.watch(chat.id);
    await watch.event("caughtUp");
    const from = watch.mark;
    await replica.client.sendMessage({ chatId: chat.id, parts: says("hello") });
    await watch.status(ChatStatus.WAITING, from);
    const history = await listHistory(replica.client, chat.id);
    expect(history.map(({ id, role }) => [id, role])).toEqual([
      [1n, Role.USER],
      [2n, Role.ASSISTANT],
      [3n, Role.USER],
      [4n, Role.ASSISTANT],
    ]);
    expect(textOf(history[3])).not.toBe("");
  });

  test("may be larger than other requests", async () => {
    const text = "x".repeat(3 * 1024 * 1024);
    const chat = await importChat(imports, { rows: [textRow("user", text)] });
    expect(textOf((await listHistory(replica.client, chat.id))[0])).toHaveLength(text.length);
  });

  test("and how rows read is told without storing them", async () => {
    const before = await chatCount();
    const { rows } = await imports.parseRows({
      rows: [
        textRow("user", "hi"),
        { role: "user", contentVersion: 9, contentJson: "[]" },
        { role: "user", contentVersion: 1, contentJson: String.raw`[{"type":"text","text":"\u0000"}]` },
        { role: "user", contentVersion: 1, contentJson: "[" },
        { role: "user", contentVersion: 0 },
      ],
    });
    expect(rows.map(({ parts, error, message }) => [parts.length, error, message === ""])).toEqual([
      [1, "", true],
      [0, "unsupported_version", false],
      [0, "malformed_content", false],
      [0, "malformed_content", false],
      [0, "", true],
    ]);
    expect(await chatCount()).toBe(before);
  });
});

const vectorFolder = fileURLToPath(new URL("../../conformance/vectors/legacy-content/", import.meta.url));

interface Vector {
  readonly id: string;
  readonly role: string;
  readonly content_version: number;
  readonly raw: string | null;
  readonly expect: { readonly parts?: JsonValue; readonly error?: string };
}

/** What a row is shown as: its parts in protobuf JSON, or why there are none. */
function shown(parts: readonly Part[], error: string): Vector["expect"] {
  return error === "" ? { parts: parts.map((part) => toJson(PartSchema, part)) } : { error };
}

describe.each(engines)("rows of older systems on %s", (engine) => {
  test("are read as every vector says, by each way to read them, and are never rewritten", async () => {
    const vectors = await Promise.all(
      (await readdir(vectorFolder))
        .filter((name) => name.endsWith(".json"))
        .map(async (name) => JSON.parse(await readFile(join(vectorFolder, name), "utf8")) as Vector),
    );
    expect(vectors.length).toBeGreaterThan(50);
    const rows = vectors.map(
      ({ role, content_version, raw }): Row => ({
        role,
        contentVersion: content_version,
        ...(raw === null ? {} : { contentJson: raw }),
      }),
    );
    const wanted = vectors.map((vector) => ({ id: vector.id, ...vector.expect }));
    const compare = (read: readonly Vector["expect"][]): void => {
      expect(read.map((row, index) => ({ id: vectors[index]?.id, ...row }))).toEqual(wanted);
    };

    const replica = await startTestReplica({ engine });
    await using _ = replica;
    const imports = createClient(ImportService, createGrpcTransport({ baseUrl: replica.url }));
    compare((await imports.parseRows({ rows })).rows.map(({ parts, error }) => shown(parts, error)));

    const { result } = await importAll(imports, { rows });
    const chatId = result.chat?.id ?? "";
    const unreadable = vectors.filter((vector) => vector.expect.error !== undefined);
    expect(result.problems.map(({ index, error }) => [vectors[index]?.id, error])).toEqual(
      unreadable.map((vector) => [vector.id, vector.expect.error]),
    );
    compare(
      (await listHistory(replica.client, chatId)).map(({ parts, contentError }) =>
        shown(parts, contentError),
      ),
    );
    const watch = replica.watch(chatId);
    await watch.event("caughtUp");
    compare(watch.messages().map(({ parts, contentError }) => shown(parts, contentError)));

    // A turn over such a history ends, whatever comes of it.
    const from = watch.mark;
    await replica.client.sendMessage({ chatId, parts: says("hello") });
    await watch.status(ChatStatus.ERROR, from);
    // And one over what can be read goes well.
    const readable = rows.filter((_, index) => vectors[index]?.expect.error === undefined);
    const good = await importChat(imports, { rows: readable });
    const goodWatch = replica.watch(good.id);
    await goodWatch.event("caughtUp");
    const goodFrom = goodWatch.mark;
    await replica.client.sendMessage({ chatId: good.id, parts: says("hello") });
    await goodWatch.status(ChatStatus.WAITING, goodFrom);
    await replica.stop();

    // The embedded database is open in one place only, so we look when the replica has stopped.
    const { DATABASE_URL: url, PALAVER_DATA_DIR: dataDir = "" } = replica.env;
    await using database =
      url === undefined ? await openPglite({ dataDir: join(dataDir, "database") }) : openPostgres({ url });
    const stored = await database.query<{ role: string; revision: number; same: boolean }>(
      {
        name: "test_stored_rows",
        text: `select m.role, m.revision, m.content::text is not distinct from given.raw::jsonb::text as same
          from messages m join unnest($2::text[]) with ordinality as given (raw, id) on given.id = m.id
          where m.chat_id = $1 order by m.id`,
      },
      [chatId, vectors.map(({ raw }) => raw)],
    );
    expect(stored).toEqual(vectors.map(({ role }) => ({ role, revision: 1, same: true })));
  }, 120_000);
});

const transports = {
  grpc: createGrpcTransport,
  "grpc-web over HTTP/1.1": (options: { baseUrl: string }) =>
    createGrpcWebTransport({ ...options, httpVersion: "1.1" }),
  "connect, JSON": (options: { baseUrl: string }) =>
    createConnectTransport({ ...options, httpVersion: "1.1", useBinaryFormat: false }),
};

describe("over every wire", () => {
  let replica: TestReplica;
  beforeAll(async () => {
    replica = await startTestReplica({ env: { PALAVER_MAX_IMPORT_BYTES: "5000000" } });
  });
  afterAll(() => replica[Symbol.asyncDispose]());

  test.each(Object.entries(transports))("%s", async (_, transport) => {
    const imports = createClient(ImportService, transport({ baseUrl: replica.url }));
    const { result } = await importAll(imports, { rows: conversation(1_200) });
    expect(result.rowCount).toBe(1_200);
    const tooLarge = await failureOf(importAll(imports, { rows: [textRow("user", "x".repeat(5_000_001))] }));
    expect(reasonOf(tooLarge)).toBe("ResourceExhausted MESSAGE_TOO_LARGE");
    const bad = await failureOf(importAll(imports, { rows: [textRow("user", "", { contentJson: "[" })] }));
    expect(reasonOf(bad)).toBe("InvalidArgument INVALID_ROWS");
  });
});

test("whoever leaves in the middle of an import has imported nothing", async () => {
  await using replica = await startTestReplica();
  await using blocker = openPostgres({ url: replica.env["DATABASE_URL"] ?? "", poolSize: 1 });
  const transport = createGrpcTransport({ baseUrl: replica.url });
  const imports = createClient(ImportService, transport);
  const chats = createClient(ChatService, transport);
  const leaving = new AbortController();
  let left: Promise<ConnectError> | undefined;
  await blocker.transaction(async (tx) => {
    // No row gets in before this transaction ends.
    await tx.script("lock table messages in exclusive mode");
    const importing = (async () => {
      for await (const _ of imports.importMessages(
        { rows: conversation(5_000) },
        { signal: leaving.signal },
      ));
    })();
    left = failureOf(importing);
    const waits = { name: "test_waiting", text: "select 1 as one from pg_locks where not granted" };
    await until(async () => (await tx.query(waits)).length > 0, { what: "the import to wait" });
    leaving.abort();
    await left;
    // On the same connection: when this is answered, the server has heard of the other.
    await chats.listChats({});
  });
  expect(reasonOf((await left) as unknown as ConnectError)).toContain("Canceled");
  const idle = {
    name: "test_transactions",
    text: "select 1 as one from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null",
  };
  await until(async () => (await blocker.query(idle)).length === 0, { what: "the end of its transaction" });
  expect((await chats.listChats({})).chats).toEqual([]);
  const counts = { name: "test_messages", text: "select count(*)::int as count from messages" };
  expect(await blocker.query(counts)).toEqual([{ count: 0 }]);
});

test("a chat that was imported is its owner's alone (ERR-5)", async () => {
  await using replica = await startTestReplica({ env: { PALAVER_AUTH: "tokens" } });
  await using database = openPostgres({ url: replica.env["DATABASE_URL"] ?? "" });
  const transportOf = async (owner: string) => {
    const { token, id, secretHash } = createToken(systemRandom);
    await insertToken(database, { id, name: owner, owner, role: "user", secretHash, expiresAt: undefined });
    return createGrpcTransport({
      baseUrl: replica.url,
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", `Bearer ${token}`);
          return next(request);
        },
      ],
    });
  };
  const [alice, bob] = [await transportOf("alice"), await transportOf("bob")];
  const rows = conversation(2);
  const { id } = await importChat(createClient(ImportService, alice), { rows, idempotencyKey: "k" });
  const [first] = await listHistory(createClient(ChatService, alice), id);
  expect(first?.author).toBe("alice");
  const refused = await failureOf(createClient(ChatService, bob).getChat({ chatId: id }));
  expect(reasonOf(refused)).toBe("NotFound CHAT_NOT_FOUND");
  // A key is its owner's too.
  const other = await importChat(createClient(ImportService, bob), { rows, idempotencyKey: "k" });
  expect(other.id).not.toBe(id);
  const nobody = createClient(ImportService, createGrpcTransport({ baseUrl: replica.url }));
  expect(reasonOf(await failureOf(importAll(nobody, { rows })))).toBe("Unauthenticated MISSING_CREDENTIAL");
  expect(reasonOf(await failureOf(nobody.parseRows({ rows })))).toBe("Unauthenticated MISSING_CREDENTIAL");
});

describe.each(engines)("the chat room's import on %s", (engine) => {
  const chat = { id: "00000000-0000-4000-8000-000000000001", owner: "a", title: "t", labels: {}, model: "m" };

  function rawRow(id: number, content: string): RawMessage {
    return {
      id,
      role: "user",
      content,
      contentVersion: 1,
      visibility: "both",
      compressed: false,
      hiddenAt: undefined,
      interrupted: false,
      model: undefined,
      author: undefined,
      usage: undefined,
      createdAt: undefined,
    };
  }

  async function importRows(
    rows: readonly RawMessage[],
    stored: (rowCount: number, leave: () => void) => void = () => undefined,
  ) {
    await using opened = await openTestDatabase(engine);
    const { database } = opened;
    const published: unknown[] = [];
    const chats = new Chats({
      database,
      leaseMs: 15_000,
      publish: (notification) => published.push(notification),
    });
    const leaving = new AbortController();
    const control = {
      signal: leaving.signal,
      stored: (rowCount: number) => stored(rowCount, () => leaving.abort(new Error("left"))),
    };
    const outcome = await chats
      .import(
        () => ({ ...chat, rows, fileIds: [] }),
        () => "done",
        control,
      )
      .catch((error: unknown) => error);
    const count = {
      name: "test_count",
      text: "select (select count(*) from chats)::int as chats, (select count(*) from messages)::int as messages",
    };
    const [rest] = await database.query(count);
    return { outcome, rest, published };
  }

  test("announces the chat once, after the commit", async () => {
    const { outcome, rest, published } = await importRows([rawRow(1, "[]"), rawRow(2, "null")]);
    expect(outcome).toBe("done");
    expect(rest).toEqual({ chats: 1, messages: 2 });
    expect(published).toMatchObject([{ chatId: chat.id, snapshotVersion: 1n }]);
  });

  // So deep that the embedded engine has no stack for it: the server refuses it before.
  const deep = engine === "postgres" ? ["[".repeat(100_000)] : [];
  test.each(["no json", String.raw`"\u0000"`, ...deep])(
    "calls what the database refuses invalid rows, and nothing stays",
    async (content) => {
      const rows = Array.from({ length: 1_001 }, (_, index) => rawRow(index + 1, "[]"));
      rows[1_000] = rawRow(1_001, content);
      const { outcome, rest, published } = await importRows(rows);
      expect(outcome).toMatchObject({
        reason: "INVALID_ROWS",
        message: expect.stringContaining("1000 to 1000"),
      });
      expect(rest).toEqual({ chats: 0, messages: 0 });
      expect(published).toEqual([]);
    },
  );

  test.each([500, 1_001])("is undone when it is left after %d rows", async (leaveAt) => {
    const rows = Array.from({ length: 1_001 }, (_, index) => rawRow(index + 1, "[]"));
    const { outcome, rest } = await importRows(rows, (stored, leave) => {
      if (stored === leaveAt) leave();
    });
    expect(outcome).toMatchObject({ message: "left" });
    expect(rest).toEqual({ chats: 0, messages: 0 });
  });
});
