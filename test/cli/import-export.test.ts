import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { create, toBinary, toJson } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ImportService, RowVisibility } from "../../src/gen/palaver/chat/v1/import_service_pb.js";
import { type Message, MessageSchema } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { encodeContent, type StoredPart } from "../../src/protocol/index.js";
import { importChat, listHistory } from "../kit/imports.js";
import { newChat, startTestReplica, type TestReplica } from "../kit/replica.js";
import { runPalaver } from "./run-palaver.js";

let folder: string;
let replica: TestReplica;
let imports: Client<typeof ImportService>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "palaver-import-"));
  replica = await startTestReplica();
  imports = createClient(ImportService, createGrpcTransport({ baseUrl: replica.url }));
});
afterAll(async () => {
  await replica[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function palaver(args: readonly string[], options: { stdin?: string; terminal?: boolean } = {}) {
  return runPalaver([...args, "--url", replica.url], options);
}

async function fileWith(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

function chatIdIn(stdout: string): string {
  return /as chat (\S+)\n$/.exec(stdout)?.[1] ?? "";
}

/** What has to be the same in a copy: all but the place in time and in the history. */
function comparable(messages: readonly Message[]): unknown[] {
  return messages.map((message, index) =>
    toBinary(MessageSchema, create(MessageSchema, { ...message, revision: 0n, id: BigInt(index + 1) })),
  );
}

const at = "2026-01-02T03:04:05.678Z";
const metadata = { acme: { signature: "c2VjcmV0" } };
const everyPart: StoredPart[] = [
  { type: "text", text: "\u0000 \u{1F600} \uE000 \uE000\uE001 \n" },
  { type: "text", text: "" },
  { type: "reasoning", text: "", provider_metadata: metadata },
  { type: "reasoning", text: "hm", started_at: at, completed_at: at },
  {
    type: "tool-call",
    tool_call_id: "c1",
    tool_name: "t",
    args_json: '{"b":9007199254740993,"a":1e400,"a":"\\u0000"}',
    created_at: at,
  },
  { type: "tool-call", tool_call_id: "c2", tool_name: "t", provider_executed: true },
  {
    type: "tool-result",
    tool_call_id: "c2",
    tool_name: "t",
    result_json: "-0.10e-2",
    provider_executed: true,
    is_error: true,
    created_at: at,
  },
  { type: "tool-result", tool_call_id: "c1", tool_name: "t", result_json: "null", is_media: true },
  { type: "file", media_type: "image/png", file_id: "00000000-0000-4000-8000-00000000000f", name: "a.png" },
  { type: "file", media_type: "text/plain", data: "AAEC/w==" },
  { type: "file", media_type: "text/plain", data: "" },
  { type: "file-reference", file_name: "a b.ts", start_line: 0, end_line: 2_147_483_647, content: "\u0000" },
  { type: "source", url: "https://example.com/?q=ü", source_id: "s", title: "T" },
  { type: "source", url: "" },
];

describe("a chat that is exported and imported", () => {
  test("is the same, with every kind of part", async () => {
    const chat = await importChat(imports, {
      title: "All \u0000 parts",
      labels: { team: "a=b" },
      rows: ["user", "assistant", "tool", "system"].map((role) => ({
        role,
        contentVersion: 2,
        contentJson: encodeContent(everyPart),
        interrupted: role === "assistant",
        model: role === "assistant" ? "acme/one" : "",
        ...(role === "assistant"
          ? { usage: { inputTokens: 0n, totalTokens: 3n, runtimeMs: 7n } as never }
          : {}),
      })),
    });
    const path = join(folder, "all.jsonl");
    expect(await palaver(["export", chat.id, "--output", path])).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: `4 messages written to ${path}\n`,
    });
    expect(await readFile(path, "utf8")).not.toContain("c2VjcmV0");
    const imported = await palaver(["import", path]);
    expect(imported).toMatchObject({ exitCode: 0, stderr: "" });
    expect(imported.stdout).toMatch(/^imported 4 rows as chat /);

    const original = await listHistory(replica.client, chat.id);
    const copyId = chatIdIn(imported.stdout);
    expect(original[0]?.parts).toHaveLength(everyPart.length);
    expect(original[0]?.parts[0]?.kind.value).toMatchObject({
      text: "\u0000 \u{1F600} \uE000 \uE000\uE001 \n",
    });
    expect(comparable(await listHistory(replica.client, copyId))).toEqual(comparable(original));
    const copy = (await replica.client.getChat({ chatId: copyId })).chat;
    expect(copy).toMatchObject({
      title: "All \u0000 parts",
      labels: { team: "a=b" },
      model: "scripted/default",
    });
    // And the copy of the copy is the same file.
    expect((await palaver(["export", copyId])).stdout).toBe(await readFile(path, "utf8"));
  });

  test("is what clients see of a turn that ran", async () => {
    const chatId = await newChat(replica.client, "scripted/default", "what is the time?");
    const watch = replica.watch(chatId);
    await watch.until("the end of the turn", (events) =>
      events.some(({ case: kind, value }) => kind === "message" && value.message?.id === 4n)
        ? true
        : undefined,
    );
    const { stdout } = await palaver(["export", chatId]);
    const imported = await palaver(["import", "-", "--title", "Copy", "--label", "a=b"], { stdin: stdout });
    const copyId = chatIdIn(imported.stdout);
    const original = await listHistory(replica.client, chatId);
    expect(original.length).toBeGreaterThanOrEqual(4);
    expect(comparable(await listHistory(replica.client, copyId))).toEqual(comparable(original));
    expect((await replica.client.getChat({ chatId: copyId })).chat).toMatchObject({
      title: "Copy",
      labels: { a: "b" },
    });
  });

  test("lacks what clients do not see, and says what could not be read", async () => {
    const row = (text: string) => ({
      role: "user",
      contentVersion: 1,
      contentJson: JSON.stringify([{ type: "text", text }]),
    });
    const chat = await importChat(imports, {
      rows: [
        row("kept"),
        { ...row("for the model"), visibility: RowVisibility.MODEL },
        { ...row("taken back"), deleteTime: { seconds: 1n, nanos: 0 } as never },
        { role: "user", contentVersion: 99, contentJson: "[]" },
        row("kept too"),
      ],
    });
    const { exitCode, stdout, stderr } = await palaver(["export", chat.id]);
    expect(exitCode).toBe(1);
    expect(stderr).toBe("1 messages cannot be read and were left out: 4\n");
    const [header = "", ...rows] = stdout.trimEnd().split("\n");
    expect(JSON.parse(header)).toEqual({
      palaver_export: 1,
      title: "kept",
      labels: {},
      model: "scripted/default",
    });
    expect(
      rows.map((line) => (JSON.parse(line) as { content: { text: string }[] }).content[0]?.text),
    ).toEqual(["kept", "kept too"]);
  });
});

describe("import", () => {
  test("keeps integers above 2^53 in the content that a line holds", async () => {
    const path = await fileWith(
      "big.jsonl",
      `{ "content_version": 1, "role": "assistant", "content" : [ {"type":"tool-call","tool_call_id":"c","tool_name":"t","args":{"n":12345678901234567890, "s":"}],"}} ] , "created_at":"2026-01-02T05:04:05+02:00" }\r\n\n`,
    );
    const { stdout } = await palaver(["import", path, "--json"]);
    const { chat } = JSON.parse(stdout) as { chat: { id: string } };
    const [message] = await listHistory(replica.client, chat.id);
    expect(toJson(MessageSchema, message ?? create(MessageSchema))).toMatchObject({
      parts: [{ toolCall: { argsJson: expect.stringContaining("12345678901234567890") } }],
      createTime: "2026-01-02T03:04:05Z",
    });
  });

  test("says on which lines rows are that cannot be stored or read", async () => {
    const path = await fileWith(
      "bad.jsonl",
      [
        '{"palaver_export":1,"title":"t","labels":{},"model":"scripted/default"}',
        "",
        '{"role":"user","content_version":1,"content":[{"type":"text","text":"fine"}]}',
        '{"role":"user","content_version":1,"raw":"[\\"\\\\u0000\\"]"}',
        '{"role":"user","content_version":8,"raw":"[]"}',
      ].join("\n"),
    );
    const tried = await palaver(["import", path, "--dry-run"]);
    expect(tried.exitCode).toBe(1);
    expect(tried.stdout).toMatch(
      /^line 4: invalid_row: content_json: .*U\+0000.*\nline 5: unsupported_version: /,
    );
    expect(tried.stdout).toContain("1 of 3 rows would refuse the import\n");
    const refused = await palaver(["import", path]);
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toMatch(
      /^error: The server cannot store line 4, content_json: .*\. \[INVALID_ROWS\]\n/,
    );
  });

  test("shows how far it is on a terminal", async () => {
    const rows = Array.from({ length: 1_500 }, () => '{"role":"user","content_version":2}').join("\n");
    const { stderr, stdout } = await palaver(["import", "-"], { stdin: rows, terminal: true });
    expect(stderr).toMatch(/^(\r\d+ of 1500 rows)+\r\u001b\[K$/);
    expect(chatIdIn(stdout)).not.toBe("");
  });

  test.each([
    ["", "holds no rows"],
    ["[]", "line 1: "],
    ["{", "line 1: is not JSON"],
    ['{"role":"user"}', "line 1: content_version: "],
    ['{"role":"user","content_version":1,"createdAt":1}', "line 1: "],
    [
      '{"role":"user","content_version":1,"raw":"[]","content":[]}',
      "line 1: content and raw are the same thing",
    ],
    ['{"palaver_export":2}', "line 1: is the header of an export that this version does not know"],
    [
      '{"role":"user","content_version":1}\n{"role":"user","content_version":1,"created_at":"yesterday"}',
      "line 2: created_at: ",
    ],
  ])("%j is no file for it", async (text, problem) => {
    const { exitCode, stdout, stderr } = await palaver(["import", "-"], { stdin: text });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toContain(`error: standard input: ${problem}`);
    expect(stderr).toContain("[INVALID_FILE]");
  });

  test("a file that cannot be read or written is named", async () => {
    const missing = join(folder, "missing.jsonl");
    const unread = await palaver(["import", missing]);
    expect(unread).toMatchObject({ exitCode: 1, stdout: "" });
    expect(unread.stderr).toBe(`error: Cannot read ${missing}: there is no such file. [FILE_UNREADABLE]\n`);
    const unwritten = await palaver([
      "export",
      await newChat(replica.client, ""),
      "--output",
      join(folder, "no/such"),
    ]);
    expect(unwritten).toMatchObject({ exitCode: 1, stdout: "" });
    expect(unwritten.stderr).toContain("[FILE_UNWRITABLE]");
  });

  test("an unknown chat cannot be exported, and leaves no file", async () => {
    const path = join(folder, "unknown.jsonl");
    const run = await palaver(["export", "00000000-0000-4000-8000-000000000000", "--output", path]);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain("[CHAT_NOT_FOUND]");
    expect((await readdir(folder)).filter((name) => name.startsWith("unknown"))).toEqual([]);
  });
});

describe("parse-rows", () => {
  const vectors = fileURLToPath(new URL("../../conformance/vectors/legacy-content/", import.meta.url));

  test("reads every vector as it says", async () => {
    const names = (await readdir(vectors)).filter((name) => name.endsWith(".json"));
    expect(names.length).toBeGreaterThan(50);
    const paths = names.map((name) => join(vectors, name));
    const { exitCode, stdout, stderr } = await runPalaver(["parse-rows", ...paths]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const read = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: string; parts?: unknown; error?: string });
    const expected = await Promise.all(
      paths.map(async (path) => {
        const { id, expect: wanted } = JSON.parse(await readFile(path, "utf8")) as {
          id: string;
          expect: object;
        };
        return { id, ...wanted };
      }),
    );
    expect(read.map(({ id, parts, error }) => (error === undefined ? { id, parts } : { id, error }))).toEqual(
      expected,
    );
  });

  test("gives ids as they stand, also those that no double holds", async () => {
    for (const id of ["9007199254740993", '"a"']) {
      const stdin = `{"id":${id},"role":"user","content_version":2,"content":[]}`;
      const { stdout } = await runPalaver(["parse-rows", "-"], { stdin });
      expect(stdout).toBe(`{"id":${id},"parts":[]}\n`);
    }
  });

  test("takes arrays and JSON Lines, contents as they are, and names what is none", async () => {
    const row =
      '{"id":1,"role":"user","content_version":1,"content":[{"type":"text","text":"a, ]"}],"expect":{}}';
    const line = '{"id":1,"parts":[{"text":{"text":"a, ]"}}]}\n';
    for (const [stdin, stdout] of [
      [row, line],
      [`[ ${row} , ${row} ]`, line + line],
      [`${row}\n\n${row}\n`, line + line],
      ["[]", ""],
    ] as const) {
      expect(await runPalaver(["parse-rows", "-"], { stdin })).toEqual({ exitCode: 0, stdout, stderr: "" });
    }
    const bad = await runPalaver(["parse-rows", "-"], { stdin: `${row}\n{"role":1}` });
    expect(bad).toMatchObject({ exitCode: 1, stdout: line });
    expect(bad.stderr).toMatch(/^error: standard input: line 2: .*\[INVALID_FILE\]\n$/s);
  });
});
