import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { message, queue, signal, status, textPart } from "../../src/cli/events.fixture.js";
import { ChatStatus } from "../../src/gen/palaver/chat/v1/chat_pb.js";
import { WhenBusy } from "../../src/gen/palaver/chat/v1/chat_service_pb.js";
import { Role } from "../../src/gen/palaver/chat/v1/message_pb.js";
import { ManualClock } from "../../src/platform/index.js";
import { refusal, response, startFakeChatServer, untilLeft } from "./fake-chat-server.js";
import { runPalaver } from "./run-palaver.js";

const chatId = "00000000-0000-4000-8000-000000000001";
const clock = new ManualClock(new Date("2026-01-01T12:00:00Z"));
const chat = {
  id: chatId,
  title: "a \u001b[31mtitle\nof two lines",
  status: ChatStatus.RUNNING,
  model: "scripted/default",
  updateTime: timestampFromDate(new Date("2026-01-01T10:30:00Z")),
  createTime: timestampFromDate(new Date("2026-01-01T10:00:00Z")),
};

const snapshot = {
  async *subscribe(_: unknown, context: { signal: AbortSignal }) {
    yield response(
      status("RUNNING"),
      message(1, Role.USER, [textPart("hello")]),
      message(2, Role.ASSISTANT, [textPart("Hi.")]),
    );
    yield response(queue("wait", "for me"), signal("caughtUp"));
    await untilLeft(context);
  },
};

describe("ls", () => {
  test("lists chats in aligned columns, without what titles may do to a terminal", async () => {
    await using server = await startFakeChatServer({
      listChats: () => ({ chats: [chat, { ...chat, title: "", pinned: true }] }),
    });
    const { stdout } = await runPalaver(["ls", "--url", server.url], { terminal: true, clock });
    expect(stdout).toBe(
      [
        "ID                                    STATUS   AGE  TITLE",
        `${chatId}  running  1h   a [31mtitle of two lines`,
        `${chatId}  running  1h   ★ (no title)`,
        "",
      ].join("\n"),
    );
  });

  test("reads as many pages as it needs", async () => {
    const asked: unknown[] = [];
    await using server = await startFakeChatServer({
      listChats: ({ pageSize, pageToken, filter }) => {
        asked.push({ pageSize, pageToken, filter });
        return { chats: [chat, chat], nextPageToken: "next" };
      },
    });
    const args = [
      "ls",
      "--url",
      server.url,
      "--json",
      "--limit",
      "3",
      "--archived",
      "--filter",
      "pinned = true",
    ];
    const { stdout } = await runPalaver(args);
    const filter = "pinned = true AND archived = true";
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((text) => (JSON.parse(text) as { id: string }).id),
    ).toEqual([chatId, chatId, chatId]);
    expect(asked).toEqual([
      { pageSize: 3, pageToken: "", filter },
      { pageSize: 1, pageToken: "next", filter },
    ]);
  });

  test("an empty list says how to begin, on standard error", async () => {
    await using server = await startFakeChatServer({ listChats: () => ({}) });
    expect(await runPalaver(["ls", "--url", server.url])).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: 'There are no chats. Begin one: npx palaver chat "hello"\n',
    });
  });
});

describe("show", () => {
  test("prints a chat and what waits", async () => {
    await using server = await startFakeChatServer({ ...snapshot, getChat: () => ({ chat }) });
    const { stdout } = await runPalaver(["show", chatId, "--url", server.url], { clock });
    expect(stdout).toBe(
      [
        "a [31mtitle of two lines",
        `${chatId}  running, scripted/default, since 2026-01-01T10:00:00.000Z`,
        "",
        "› hello",
        "Hi.",
        "",
        "QUEUED  AGE  TEXT",
        "1            wait",
        "2            for me",
        "",
      ].join("\n"),
    );
  });

  test("as JSON it is one value", async () => {
    await using server = await startFakeChatServer({ ...snapshot, getChat: () => ({ chat }) });
    const { stdout } = await runPalaver(["show", chatId, "--json", "--url", server.url]);
    expect(JSON.parse(stdout)).toMatchObject({
      chat: { id: chatId },
      messages: [{ id: "1" }, { id: "2" }],
      queue: [{ id: "1" }, { id: "2" }],
    });
  });
});

describe("send", () => {
  test("sends a text from standard input and says where it is", async () => {
    const sent: unknown[] = [];
    await using server = await startFakeChatServer({
      sendMessage: ({ parts, whenBusy, model, idempotencyKey }) => {
        sent.push({ kind: parts[0]?.kind, whenBusy, model, hasKey: idempotencyKey !== "" });
        return { outcome: { case: "queuedMessage", value: { id: 3n } }, chat };
      },
    });
    const args = ["send", chatId, "-", "--when-busy", "interrupt", "--model", "a/b", "--url", server.url];
    const run = await runPalaver(args, { stdin: "two\nlines\n" });
    expect(run).toEqual({ exitCode: 0, stdout: "queued as 3\n", stderr: "" });
    expect(sent).toMatchObject([
      {
        kind: { case: "text", value: { text: "two\nlines" } },
        whenBusy: WhenBusy.INTERRUPT,
        model: "a/b",
        hasKey: true,
      },
    ]);
  });

  test("nothing is not sent", async () => {
    const run = await runPalaver(["send", chatId, "-"], { stdin: " \n" });
    expect(run).toMatchObject({ exitCode: 2, stdout: "" });
    expect(run.stderr).toContain("There is nothing to send.");
  });
});

describe("stop", () => {
  test("says what the chat does now", async () => {
    await using server = await startFakeChatServer({
      interruptChat: () => ({ chat: { ...chat, status: ChatStatus.INTERRUPTING } }),
    });
    expect(await runPalaver(["stop", chatId, "--url", server.url])).toEqual({
      exitCode: 0,
      stdout: "interrupting\n",
      stderr: "",
    });
  });

  test("a refusal is told in two lines and exits with 1", async () => {
    await using server = await startFakeChatServer({
      interruptChat: () => {
        throw refusal(Code.FailedPrecondition, "NOT_RUNNING", "No turn runs.");
      },
    });
    expect(await runPalaver(["stop", chatId, "--url", server.url])).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "error: No turn runs. [NOT_RUNNING]\n  There is nothing to stop.\n",
    });
  });
});

describe("queue", () => {
  test("lists what waits", async () => {
    await using server = await startFakeChatServer(snapshot);
    expect((await runPalaver(["queue", chatId, "--url", server.url])).stdout).toBe(
      "QUEUED  AGE  TEXT\n1            wait\n2            for me\n",
    );
  });

  test("promotes and deletes", async () => {
    const asked: unknown[] = [];
    await using server = await startFakeChatServer({
      ...snapshot,
      promoteQueuedMessage: ({ queuedMessageId }) => {
        asked.push(["promote", queuedMessageId]);
        return { chat };
      },
      deleteQueuedMessage: ({ queuedMessageId }) => {
        asked.push(["delete", queuedMessageId]);
        return { chat };
      },
    });
    await runPalaver(["queue", chatId, "--promote", "2", "--url", server.url]);
    await runPalaver(["queue", chatId, "--delete", "1", "--url", server.url]);
    expect(asked).toEqual([
      ["promote", 2n],
      ["delete", 1n],
    ]);
    expect((await runPalaver(["queue", chatId, "--delete", "x"])).exitCode).toBe(2);
  });
});

describe("every command", () => {
  test("exits with 3 when no server answers, and says how to start one", async () => {
    expect(await runPalaver(["ls", "--url", "http://127.0.0.1:1"])).toEqual({
      exitCode: 3,
      stdout: "",
      stderr:
        "error: Cannot reach http://127.0.0.1:1 (ECONNREFUSED). [SERVER_UNREACHABLE]\n  Is the server running? Start it with: npx palaver serve\n",
    });
  });

  test.each([
    [["bogus"]],
    [["ls", "--bogus"]],
    [["show"]],
    [["ls", "--limit", "0"]],
    [["send", "a", "b", "--when-busy", "wait"]],
    [[]],
  ])("%j is wrong usage", async (args) => {
    const run = await runPalaver(args);
    expect(run).toMatchObject({ exitCode: 2, stdout: "" });
    expect(run.stderr).not.toBe("");
  });

  test.each([
    [{ PALAVER_URL: "localhost:7717" }, "PALAVER_URL: expected a URL"],
    [{ PALAVER_TOKN: "x" }, "PALAVER_TOKN: there is no such variable; did you mean PALAVER_TOKEN?"],
  ])("%j is a wrong configuration", async (env, problem) => {
    const run = await runPalaver(["ls"], { env });
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toContain(problem);
    expect(run.stderr).toContain("[INVALID_CONFIGURATION]");
  });

  test.each([
    "serve",
    "chat",
    "ls",
    "show",
    "send",
    "stop",
    "queue",
    "token",
    "migrate",
    "doctor",
    "import",
    "export",
    "parse-rows",
  ])("%s explains itself with examples", async (name) => {
    const run = await runPalaver([name, "--help"]);
    expect(run).toMatchObject({ exitCode: 0, stderr: "" });
    expect(run.stdout).toContain("Examples:");
  });

  test.each(["nonsense", ""])("a wrong --url (%j) is blamed on the option", async (url) => {
    const run = await runPalaver(["ls", "--url", url]);
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toMatch(/^error: --url: expected a URL.* \[USAGE\]\n$/);
  });

  test("the version is printed", async () => {
    expect(await runPalaver(["--version"])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    });
  });

  test("stack traces are for those who ask", async () => {
    const args = ["ls", "--url", "http://127.0.0.1:1"];
    expect((await runPalaver(args)).stderr).not.toMatch(/ at /);
    expect((await runPalaver(args, { env: { PALAVER_DEBUG: "1" } })).stderr).toMatch(/ at .*\ncaused by: /s);
  });
});
